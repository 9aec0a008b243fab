package world

import (
	"fmt"

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
	case chaos.CPUSteal:
		return p.steal(millis(f, "every"), f.Param("rate")), nil
	case chaos.FDLimit:
		return p.limitFiles(f)
	case chaos.RestartLoop:
		return p.loop(millis(f, "every")), nil
	case chaos.StopHangs:
		return p.hangAndKill(), nil
	case chaos.DoubleStart:
		return p.startTwice()
	case chaos.BootInPast:
		return p.bootInPast(millis(f, "by")), nil
	case chaos.CrashAtOp, chaos.CrashAtPoint:
		return p.crashLater(f)
	}
	return effect{}, fmt.Errorf("the fault %q cannot be played here", f.Kind)
}

// kill ends the processes, and keeps the program from starting until it is healed. It is felt by each of both.
func (p *pi) kill() effect {
	ended := int64(len(p.Processes()))
	p.down++
	p.Kill()
	e := growing(func() int64 { return p.kept }, func() {
		if p.down--; p.down == 0 {
			p.startAgain()
		}
	})
	return effect{heal: e.heal, felt: func() int64 { return ended + e.felt() }}
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
		return nothing()
	}
	p.paused++
	life := p.lives
	p.Pause()
	return growing(p.Withheld, func() {
		if p.lives != life {
			return
		}
		if p.paused--; p.paused == 0 {
			p.Resume()
		}
	})
}

// slow makes the processor take longer for the same work.
func (p *pi) slow(factor int64) effect {
	p.slowed = factor
	p.setSpeed()
	return p.feltByTurns(func() {
		p.slowed = 1
		p.setSpeed()
	})
}

// limitMemory ends processes whose heaps are over a limit.
func (p *pi) limitMemory(limit int64) effect {
	p.SetMemory(limit)
	return growing(p.OutOfMemory, func() { p.SetMemory(p.config.MemoryBytes) })
}

// nothing is what a fault does that finds nothing to do something to, then or later.
func nothing() effect { return effect{heal: func() {}, felt: func() int64 { return 0 }} }

// feltByTurns is a fault that each turn of the machine's processes feels from now on until it is healed.
func (p *pi) feltByTurns(heal func()) effect { return growing(p.Turns, heal) }

// growing is a fault that is felt as often as a count of its machine grows by from now on until it is healed: later faults make it grow too.
func growing(count func() int64, heal func()) effect {
	before, after := count(), int64(-1)
	return effect{
		heal: func() {
			heal()
			after = count()
		},
		felt: func() int64 {
			if after >= 0 {
				return after - before
			}
			return count() - before
		},
	}
}

// spoilDisk makes a fault of a machine's card happen.
func (p *pi) spoilDisk(f *chaos.Fault) (effect, error) {
	if f.Kind == chaos.DiskErase {
		return p.loseEraseBlock(), nil
	}
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
