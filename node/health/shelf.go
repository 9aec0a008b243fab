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
type shelves struct {
	*Engine
	dark map[string]time.Time // since when a shelf has no power
	held map[string][]string  // those to be given power, in order
	next map[string]time.Time
}

// Levels of a supply. Between them nothing is decided.
const (
	dead       = physic.Volt
	alive      = 4500 * physic.MilliVolt
	noCurrent  = 20 * physic.MilliAmpere
	darkBefore = 5 * time.Second
)

// look looks at all shelves once.
func (s *shelves) look(ctx context.Context) {
	if s.dark == nil {
		s.dark, s.held, s.next = map[string]time.Time{}, map[string][]string{}, map[string]time.Time{}
	}
	r, at := s.kit.Last()
	if time.Since(at) > fresh {
		return
	}
	for _, name := range sortedKeys(s.config.Shelves) {
		s.one(ctx, name, &r)
	}
}

func (s *shelves) one(ctx context.Context, name string, r *hw.Reading) {
	nodes := slices.Sorted(slices.Values(s.config.Shelves[name]))
	if len(s.held[name]) > 0 {
		s.giveBack(ctx, name, nodes[0], r)
		return
	}
	isDark := len(nodes) > 1
	for _, n := range nodes {
		isDark = isDark && s.isDead(n, r) && s.mayDrive(n)
	}
	t := s.dark[name]
	if since(&t, isDark, time.Now()); isDark && time.Since(t) >= darkBefore {
		for _, n := range nodes[1:] {
			if s.act(ctx, Entry{Action: HoldBack, Subject: n}, func() error { return s.kit.Board.SetRelay(n, false) }) == nil {
				s.held[name] = append(s.held[name], n)
			}
		}
		t = time.Time{}
	}
	s.dark[name] = t
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

// giveBack gives the next neighbour its power, if the first has it again.
func (s *shelves) giveBack(ctx context.Context, name, first string, r *hw.Reading) {
	p := r.Neighbours[first]
	v, err := p.Voltage.Get()
	t := s.next[name]
	since(&t, err == nil && v >= alive, time.Now())
	if !t.IsZero() && time.Since(t) >= s.config.Stagger {
		n := s.held[name][0]
		if s.act(ctx, Entry{Action: GivePower, Subject: n}, func() error { return s.kit.Board.SetRelay(n, true) }) == nil {
			s.held[name] = s.held[name][1:]
		}
		t = time.Now()
	}
	s.next[name] = t
	if len(s.held[name]) == 0 {
		delete(s.next, name)
	}
}
