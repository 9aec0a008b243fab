package world

import (
	"fmt"

	"picloud/chaos"
	"picloud/sim/disk"
	"picloud/sim/event"
)

// remember keeps what a card holds at a time before the fault that brings it back.
func (w *World) remember(p *Played) {
	f := &p.Fault
	if f.Kind != chaos.DiskRestore && f.Kind != chaos.DiskClone {
		return
	}
	at := max(0, f.At-millis(f, "age"))
	of := w.pis[f.Target.A[0]].card
	w.Kernel.Loop.At(event.Time(at), func() { p.kept = of.Medium() })
}

// loseEraseBlock takes the machine's power while its card rewrites what it wrote last. The card of one that is off rewrites nothing.
func (p *pi) loseEraseBlock() effect {
	on, lost := p.On(), int64(0)
	if p.unplug(); on {
		lost = p.card.LoseEraseBlock()
	}
	return effect{heal: p.plug, felt: func() int64 { return lost }}
}

// exchangeCards turns machines off, and on again with something else on their cards. It is felt by each machine to which that is new.
func (w *World) exchangeCards(played *Played) (effect, error) {
	f := &played.aimed
	names := f.Target.A
	if two := f.Target.Type == chaos.OnMachines; two && (len(names) != 2 || names[0] == names[1]) {
		return effect{}, fmt.Errorf("it takes two machines, not %d", len(names))
	}
	var off []*pi
	for _, name := range names {
		p, err := w.lookup(name)
		if err != nil {
			return effect{}, err
		}
		off = append(off, p)
	}
	if f.Kind == chaos.DiskClone {
		off = off[1:]
	}
	for _, p := range off {
		p.unplug()
	}
	felt := int64(0)
	return effect{
		heal: func() {
			next := []disk.Snapshot{played.kept}
			if f.Kind == chaos.DiskSwap {
				next = []disk.Snapshot{off[1].card.Medium(), off[0].card.Medium()}
			}
			for i, p := range off {
				if !p.card.Medium().Equal(next[i]) {
					felt++
				}
				if err := p.card.Load(next[i]); err != nil {
					w.Kernel.Fail(fmt.Errorf("world: %s: %w", f.String(), err))
				}
				p.plug()
			}
		},
		felt: func() int64 { return felt },
	}, nil
}
