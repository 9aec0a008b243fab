package world

import (
	"fmt"

	"picloud/chaos"
	"picloud/sim/disk"
	"picloud/sim/event"
)

// Played is a fault that the world plays, with what it did.
type Played struct {
	Fault chaos.Fault
	felt  func() int64
	heal  func()
	began bool
	kept  disk.Snapshot // of a card, until it comes back
}

// Felt counts what the fault did so far: packets dropped, syncs failed, turns withheld.
func (p *Played) Felt() int64 {
	if p.felt == nil {
		return 0
	}
	return p.felt()
}

// effect is a fault at work: how to end it and what it has done.
type effect struct {
	heal func()
	felt func() int64
}

// Play asks for every fault of a schedule to happen at its time and to be healed at its end. A
// fault that does not fit the world is an error, and nothing is played.
func (w *World) Play(s chaos.Schedule) error {
	for i := range s {
		if err := w.fits(&s[i]); err != nil {
			return fmt.Errorf("world: %s: %w", s[i].String(), err)
		}
	}
	for _, f := range s {
		p := &Played{Fault: f}
		w.played = append(w.played, p)
		w.remember(p)
		w.Kernel.Loop.At(event.Time(f.At), func() { w.begin(p) })
		if f.For > 0 {
			w.Kernel.Loop.At(event.Time(f.End()), func() { w.end(p) })
		}
	}
	return nil
}

// Played returns the faults of the schedule in its order.
func (w *World) Played() []*Played { return w.played }

// fits tells whether the names in a fault's target exist.
func (w *World) fits(f *chaos.Fault) error {
	if f.Target.Type == chaos.OnSwitch {
		for _, name := range f.Target.A {
			if !contains(w.config.Switches, name) {
				return fmt.Errorf("no switch %q", name)
			}
		}
		return nil
	}
	for _, side := range [][]string{f.Target.A, f.Target.B} {
		for _, name := range side {
			if name == "*" {
				continue
			}
			if _, err := w.lookup(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *World) begin(p *Played) {
	w.Kernel.Trace.Note(w.Kernel.Now(), "fault", "begin "+p.Fault.String())
	e, err := w.inject(p)
	if err != nil {
		w.Kernel.Fail(fmt.Errorf("world: %s: %w", p.Fault.String(), err))
		return
	}
	p.felt, p.heal, p.began = e.felt, e.heal, true
}

func (w *World) end(p *Played) {
	if !p.began {
		return
	}
	w.Kernel.Trace.Note(w.Kernel.Now(), "fault", "end "+p.Fault.String())
	if p.heal != nil {
		p.heal()
	}
}

// inject makes a fault happen now.
func (w *World) inject(played *Played) (effect, error) {
	f := &played.Fault
	spec, ok := chaos.Lookup(f.Kind)
	if !ok {
		return effect{}, fmt.Errorf("unknown kind of fault %q", f.Kind)
	}
	switch spec.Class {
	case chaos.ClassClock:
		return w.onEach(f, (*pi).bendClock)
	case chaos.ClassProcess:
		return w.onEach(f, (*pi).strike)
	case chaos.ClassDisk:
		if spec.Beyond {
			return w.exchangeCards(played)
		}
		return w.onEach(f, (*pi).spoilDisk)
	case chaos.ClassNetwork:
		return w.spoilNetwork(f)
	case chaos.ClassHardware:
		return w.breakHardware(f)
	}
	return effect{}, fmt.Errorf("faults of class %q cannot be played here", spec.Class)
}
