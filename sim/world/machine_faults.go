package world

import (
	"fmt"
	"time"

	"picloud/chaos"
	"picloud/sim/disk"
)

// strike makes a fault of a machine's processes happen.
func (p *pi) strike(f *chaos.Fault) (effect, error) {
	switch f.Kind {
	case chaos.Kill:
		return p.kill(), nil
	case chaos.PowerCut:
		return p.cutPower(), nil
	case chaos.Pause:
		return p.pause(), nil
	case chaos.CPUSlow:
		return p.slow(f.Param("factor")), nil
	case chaos.MemoryLimit:
		return p.limitMemory(f.Param("limit")), nil
	}
	return effect{}, fmt.Errorf("the fault %q cannot be played here", f.Kind)
}

// kill ends the processes, and keeps the program from starting until it is healed.
func (p *pi) kill() effect {
	ended := int64(len(p.Processes()))
	p.down++
	p.Kill()
	return effect{
		heal: func() {
			if p.down--; p.down == 0 {
				p.startAfter(0)
			}
		},
		felt: func() int64 { return ended },
	}
}

// cutPower takes the power from the machine: memory, sockets and unsynced writes are gone, and
// nobody is told.
func (p *pi) cutPower() effect {
	var felt int64
	if p.On() {
		felt = 1
	}
	p.unplug()
	return effect{heal: p.plug, felt: func() int64 { return felt }}
}

// pause withholds the processor from the processes. What was paused when power went is not paused when it is back.
func (p *pi) pause() effect {
	if !p.On() {
		return effect{heal: func() {}, felt: func() int64 { return 0 }}
	}
	p.paused++
	before, life := p.Withheld(), p.lives
	p.Pause()
	return effect{
		heal: func() {
			if p.lives != life {
				return
			}
			if p.paused--; p.paused == 0 {
				p.Resume()
			}
		},
		felt: func() int64 { return p.Withheld() - before },
	}
}

// slow makes the processor take longer for the same work.
func (p *pi) slow(factor int64) effect {
	before, after := p.Turns(), int64(-1)
	p.slowed = factor
	p.setSpeed()
	return effect{
		heal: func() {
			p.slowed = 1
			p.setSpeed()
			after = p.Turns()
		},
		felt: p.turnsSince(before, &after),
	}
}

// limitMemory ends processes whose heaps are over a limit.
func (p *pi) limitMemory(limit int64) effect {
	before := p.OutOfMemory()
	p.SetMemory(limit)
	return effect{
		heal: func() { p.SetMemory(p.config.MemoryBytes) },
		felt: func() int64 { return p.OutOfMemory() - before },
	}
}

// bendClock makes a fault of a machine's clock happen. It is felt when a process ran under it.
func (p *pi) bendClock(f *chaos.Fault) (effect, error) {
	now := p.world.Kernel.Now()
	before, after := p.Turns(), int64(-1)
	var heal func()
	switch f.Kind {
	case chaos.ClockStep:
		p.Clock.Step(time.Duration(f.Param("by")) * time.Millisecond)
	case chaos.ClockOffset:
		by := time.Duration(f.Param("by")) * time.Millisecond
		p.Clock.Step(by)
		heal = func() { p.Clock.Step(-by) }
	case chaos.ClockDrift:
		p.Clock.SetDrift(now, f.Param("rate"))
		p.Rearm()
		heal = func() {
			p.Clock.SetDrift(p.world.Kernel.Now(), 0)
			p.Rearm()
		}
	default:
		return effect{}, fmt.Errorf("the fault %q cannot be played here", f.Kind)
	}
	return effect{
		heal: func() {
			if heal != nil {
				heal()
			}
			after = p.Turns()
		},
		felt: p.turnsSince(before, &after),
	}, nil
}

// turnsSince counts the turns of the machine's processes from before to the end of a fault, which
// is after, or -1 while it lasts.
func (p *pi) turnsSince(before int64, after *int64) func() int64 {
	return func() int64 {
		if *after >= 0 {
			return *after - before
		}
		return p.Turns() - before
	}
}

// spoilDisk makes a fault of a machine's card happen.
func (p *pi) spoilDisk(f *chaos.Fault) (effect, error) {
	kind, err := disk.ParseKind(string(f.Kind))
	if err != nil {
		return effect{}, err
	}
	d := disk.Fault{Kind: kind}
	for _, param := range f.Params {
		switch param.Name {
		case "count":
			d.Times = int(param.Value)
		case "rate":
			d.PPM = int(param.Value)
		case "bits":
			d.Bits = int(min(param.Value, 32))
		case "factor":
			d.Factor = int(max(param.Value, 2))
		case "after":
			d.After = param.Value
		case "sticky", "left":
			// The card's read errors heal with the fault, and a full card has nothing left.
		default:
			return effect{}, fmt.Errorf("the card knows no parameter %q", param.Name)
		}
	}
	a, err := p.card.Apply(d)
	if err != nil {
		return effect{}, err
	}
	return effect{heal: a.Heal, felt: a.Felt}, nil
}
