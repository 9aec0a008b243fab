// Package rack wires modelled Pis (package twin) to simulated machines: it advances them on virtual time, heats them with the work
// of their machines' cores, slows those cores as heat and voltage have it, and tells the world when a board resets, halts or
// moves a relay.
//
// Invariants: it belongs to the goroutine of its event loop; a board is advanced before anybody reads it or writes to it, and at least
// every Step; what happens to power is for the world to do, here it is only said.
package rack

import (
	"fmt"
	"slices"
	"time"

	"picloud/hw"
	"picloud/hw/twin"
	"picloud/sim/event"
)

// Step is the longest time between two looks at a board.
const Step = 250 * time.Millisecond

// Wiring is what a board is wired to.
type Wiring struct {
	Work  func() twin.Work           // what its machine has done since it was made
	Card  func() twin.CardState      // how its card is
	Link  func() twin.LinkState      // how its wire is
	Speed func(ppm int64, cores int) // of its cores, and how many there are, whenever that changes
	Event func(twin.Event)           // what it does to power
}

// Board is the board of one machine.
type Board struct {
	*twin.Pi
	shelf  *Shelf
	wiring Wiring
	parts  hw.Parts
	done   twin.Work         // up to the last advance
	strict bool              // pins whose process ended are inputs again
	pinOf  map[string]uint64 // the processes that have pins, by pin
	dogOf  uint64            // the process that has the watchdog open, zero for none
	dog    hw.WatchdogDevice // as it was opened last
	drives []string          // the machines that its relays feed
	meters []string          // the machines that it measures
	speed  int64
	cores  int
}

// NewBoard returns the board of a machine, which is to be put on a shelf.
func NewBoard(c twin.Config, w Wiring) (*Board, error) {
	pi, err := twin.New(c)
	if err != nil {
		return nil, fmt.Errorf("rack: %w", err)
	}
	b := &Board{Pi: pi, wiring: w, parts: pi.Parts(), strict: c.StrictPins, pinOf: map[string]uint64{}}
	for _, relay := range slices.Concat(c.Equipment.Relays, c.Equipment.BackupRelays) {
		b.drives = append(b.drives, relay.Feeds)
	}
	for _, meter := range c.Equipment.Meters {
		b.meters = append(b.meters, meter.Of)
	}
	return b, nil
}

// Shelf is boards that share air and a supply.
type Shelf struct {
	*twin.Shelf
	rack   *Rack
	boards []*Board
}

// Rack is boards on shelves.
type Rack struct {
	loop    *event.Loop
	shelves []*Shelf
	boards  map[string]*Board
}

// New returns an empty rack, which looks at its boards from now on.
func New(loop *event.Loop) *Rack {
	r := &Rack{loop: loop, boards: map[string]*Board{}}
	r.loop.After(Step, r.step)
	return r
}

// AddShelf adds a shelf with boards, from bottom to top, which have been idle for long and get power at once.
func (r *Rack) AddShelf(c twin.ShelfConfig, boards ...*Board) (*Shelf, error) {
	var pis []*twin.Pi
	for _, b := range boards {
		pis = append(pis, b.Pi)
	}
	of, err := twin.NewShelf(c, pis...)
	if err != nil {
		return nil, fmt.Errorf("rack: %w", err)
	}
	s := &Shelf{of, r, boards}
	for _, b := range boards {
		b.shelf, r.boards[b.Name()] = s, b
	}
	r.shelves = append(r.shelves, s)
	s.Advance(r.now())
	s.WarmUp()
	return s, nil
}

func (r *Rack) now() time.Duration { return time.Duration(r.loop.Now()) }

// step looks at all boards and shelves.
func (r *Rack) step() {
	for _, s := range r.shelves {
		for _, b := range s.boards {
			b.advance()
		}
		s.Advance(r.now())
	}
	for _, s := range r.shelves {
		for _, b := range s.boards {
			b.measure()
			b.settle()
		}
	}
	r.loop.After(Step, r.step)
}

// measure tells the board what flows to the machines on other shelves that it measures. Its own shelf does that for those on it.
func (b *Board) measure() {
	for _, name := range b.meters {
		if other := b.shelf.rack.boards[name]; other != nil && other.shelf != b.shelf {
			b.SetMeasured(name, other.Millivolts(), other.Milliamps())
		}
	}
}

// advance brings a board to the present.
func (b *Board) advance() {
	all := b.wiring.Work()
	b.SetCard(b.wiring.Card())
	b.SetLink(b.wiring.Link())
	b.Advance(b.shelf.rack.now(), since(all, b.done))
	b.done = all
}

// since returns what was done between two looks.
func since(now, before twin.Work) twin.Work {
	return twin.Work{
		CoreTime: now.CoreTime - before.CoreTime, CoreWait: now.CoreWait - before.CoreWait, DiskBusy: now.DiskBusy - before.DiskBusy,
		NetBytes: now.NetBytes - before.NetBytes, Written: now.Written - before.Written,
	}
}

// settle lets the machine feel what has become of its board.
func (b *Board) settle() {
	if speed, cores := b.SpeedPPM(), b.Cores(); speed != b.speed || cores != b.cores {
		b.speed, b.cores = speed, cores
		b.wiring.Speed(speed, cores)
	}
	for _, e := range b.Events() {
		if e.Kind == twin.Started { // all that ran before has ended
			clear(b.pinOf)
			b.dogOf = 0
		}
		b.wiring.Event(e)
	}
}

// Drives tells whether a relay of the board feeds a machine.
func (b *Board) Drives(machine string) bool { return slices.Contains(b.drives, machine) }

// Plug puts the board's plug in, or pulls it.
func (b *Board) Plug(in bool) {
	s := b.shelf
	for _, other := range s.boards {
		other.advance()
	}
	s.SetPlugged(b.Name(), in)
	s.Advance(s.rack.now())
	for _, other := range s.boards {
		other.settle()
	}
}
