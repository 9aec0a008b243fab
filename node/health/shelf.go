package health

import (
	"context"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// shelves sees to it that the neighbours on a shelf do not all draw at once when its supply comes back: while it is dead, all but one are cut
// off; that one shows when power is back, and the others follow one after another. What is cut off so has no power anyway, so it needs
// no budget; the node must drive the relays.
//
// Who is left off is neither waited for nor given power: it is without whatever the supply does.
type shelves struct {
	*Engine
	all map[string]*shelf
}

// shelf is how one of them stands.
type shelf struct {
	dark  time.Time // since when it has no power
	shows string    // the neighbour by which it shows that power is back
	held  []string  // those to be given power, in order
	since time.Time // they are held back
	next  time.Time // since when the next of them waits for its turn
}

// Levels of a supply. Between them nothing is decided.
const (
	dead       = physic.Volt
	alive      = 4500 * physic.MilliVolt
	noCurrent  = 20 * physic.MilliAmpere
	darkBefore = 5 * time.Second
	// patience is after how long those that are held back are given power although the one that shows it has none: what it lacks may be a
	// cable. If the shelf is dark still they are held back again.
	patience = 10 * time.Minute
)

// look looks at all shelves once.
func (s *shelves) look(ctx context.Context) {
	if s.all == nil {
		s.all = map[string]*shelf{}
		for name := range s.config.Shelves {
			s.all[name] = &shelf{}
		}
	}
	r, at := s.kit.Last()
	if time.Since(at) > fresh {
		r = hw.Reading{} // nothing is known; who waits for power waits no longer for that
	}
	for _, name := range sortedKeys(s.config.Shelves) {
		if on := s.all[name]; len(on.held) > 0 {
			s.giveBack(ctx, on, &r)
		} else {
			s.holdBack(ctx, on, slices.Sorted(slices.Values(s.config.Shelves[name])), &r)
		}
	}
}

// holdBack cuts all of a shelf's neighbours off but one if it is dark.
func (s *shelves) holdBack(ctx context.Context, on *shelf, nodes []string, r *hw.Reading) {
	nodes = slices.DeleteFunc(nodes, s.isLeftOff)
	isDark := len(nodes) > 1
	for _, n := range nodes {
		isDark = isDark && s.isDead(n, r) && s.mayDrive(n)
	}
	since(&on.dark, isDark, time.Now())
	if !isDark || time.Since(on.dark) < darkBefore {
		return
	}
	for _, n := range nodes[1:] {
		if s.act(ctx, Entry{Action: HoldBack, Subject: n}, func() error { return s.kit.Board.SetRelay(n, false) }) == nil {
			on.held = append(on.held, n)
		}
	}
	on.shows, on.since, on.next, on.dark = nodes[0], time.Now(), time.Time{}, time.Time{}
}

// isLeftOff tells whether a neighbour has no power until people have looked: the node holds it off itself, or the store says that another does.
func (s *shelves) isLeftOff(node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holdsOff[node] || s.leftOff[node]
}

// isDead tells whether a neighbour has no power, by its meter and as it is silent.
func (s *shelves) isDead(node string, r *hw.Reading) bool {
	p := r.Neighbours[node]
	v, errV := p.Voltage.Get()
	i, errI := p.Current.Get()
	s.mu.Lock()
	heard := s.heard[node]
	s.mu.Unlock()
	return errV == nil && errI == nil && v < dead && i < noCurrent && time.Since(heard) >= s.config.missed()
}

// giveBack gives the next neighbour its power, if the one that shows it has it again.
func (s *shelves) giveBack(ctx context.Context, on *shelf, r *hw.Reading) {
	p := r.Neighbours[on.shows]
	v, err := p.Voltage.Get()
	since(&on.next, err == nil && v >= alive || time.Since(on.since) >= patience, time.Now())
	if on.next.IsZero() || time.Since(on.next) < s.config.Stagger {
		return
	}
	n := on.held[0]
	if s.act(ctx, Entry{Action: GivePower, Subject: n}, func() error { return s.kit.Board.SetRelay(n, true) }) == nil {
		on.held = on.held[1:]
	}
	on.next = time.Now()
}
