package world

import (
	"fmt"
	"time"

	"picloud/chaos"
	"picloud/sim/disk"
	"picloud/sim/event"
)

// Played is a fault that the world plays, with what it did.
type Played struct {
	Fault  chaos.Fault // as the schedule has it
	effect             // once it has begun
	aimed  chaos.Fault // at the machines that it hit
	began  bool
	kept   disk.Snapshot // of a card, until it comes back
}

// AsPlayed returns the fault as it was played: at the machines that had the parts which it names, and from when it struck if a
// machine's own work decided that. One that hit nobody is as the schedule has it.
func (p *Played) AsPlayed() chaos.Fault {
	if !p.began {
		return p.Fault
	}
	f := p.aimed
	if p.struck != nil && p.Felt() > 0 {
		end := f.End()
		f.At = time.Duration(p.struck())
		f.For = end - f.At
	}
	return f
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
	heal   func()
	felt   func() int64
	struck func() event.Time // when it struck; nil if that is when it began
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
			if f.Kind == chaos.SwizzleClog { // it takes half of its time to heal
				w.Kernel.Loop.At(event.Time(f.At+f.For/2), p.mend)
			}
			w.Kernel.Loop.At(event.Time(f.End()), func() { w.end(p) })
		}
	}
	return nil
}

// Played returns the faults of the schedule in its order.
func (w *World) Played() []*Played { return w.played }

// fits tells whether the names in a fault's target exist.
func (w *World) fits(f *chaos.Fault) error {
	if f.Target.ByPart() && (f.Kind == chaos.DiskRestore || f.Kind == chaos.DiskClone) {
		return fmt.Errorf("what its card held before nobody has kept, as nobody knew whose it would be: name a machine")
	}
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
			if _, part, err := chaos.ParsePart(name); name == "*" || part && err == nil {
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
	var known bool
	if p.aimed, known = p.Fault.Aimed(w.who); !known {
		w.Kernel.Trace.Note(w.Kernel.Now(), "fault", "hits nobody "+p.Fault.String())
		return
	}
	w.Kernel.Trace.Note(w.Kernel.Now(), "fault", "begin "+p.aimed.String())
	var err error
	if p.effect, err = w.inject(p); err != nil {
		w.Kernel.Fail(fmt.Errorf("world: %s: %w", p.aimed.String(), err))
		return
	}
	p.began = true
}

// who returns the machine that has a part, and whether anybody is known to.
func (w *World) who(part chaos.Part) (string, bool) {
	if w.config.Who == nil {
		return "", false
	}
	name, known := w.config.Who(part)
	return name, known && w.pis[name] != nil
}

func (w *World) end(p *Played) {
	if !p.began {
		return
	}
	w.Kernel.Trace.Note(w.Kernel.Now(), "fault", "end "+p.aimed.String())
	p.mend()
}

// mend heals the fault if it has begun.
func (p *Played) mend() {
	if p.began && p.heal != nil {
		p.heal()
	}
}

// inject makes a fault happen now.
func (w *World) inject(played *Played) (effect, error) {
	f := &played.aimed
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
