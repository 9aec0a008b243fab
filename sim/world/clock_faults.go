package world

import (
	"fmt"
	"time"

	"picloud/chaos"
	"picloud/sim/event"
)

// bendClock makes a fault of a machine's clock happen. It is felt when a process ran under it.
func (p *pi) bendClock(f *chaos.Fault) (effect, error) {
	switch f.Kind {
	case chaos.ClockStep:
		p.Clock.Step(millis(f, "by"))
		return p.feltByTurns(func() {}), nil
	case chaos.ClockOffset, chaos.NTPLies:
		return p.offset(millis(f, "by")), nil
	case chaos.ClockDrift:
		p.Clock.SetDrift(p.world.Kernel.Now(), f.Param("rate"))
		p.Rearm()
		return p.feltByTurns(func() {
			p.Clock.SetDrift(p.world.Kernel.Now(), 0)
			p.Rearm()
		}), nil
	case chaos.ClockStrobe:
		by, off := millis(f, "by"), false
		return p.wander(millis(f, "every"), func() time.Duration {
			if off = !off; off {
				return by
			}
			return 0
		}), nil
	case chaos.ClockNoise:
		by, rng := int64(millis(f, "by")), p.world.Kernel.Loop.Stream("clock "+f.Name())
		return p.wander(millis(f, "every"), func() time.Duration { return time.Duration(rng.Int64N(2*by+1) - by) }), nil
	case chaos.ClockSmear:
		const parts = 1000
		n := time.Duration(0)
		return p.wander(f.For/parts, func() time.Duration {
			n++
			return -time.Second * n / parts
		}), nil
	}
	return effect{}, fmt.Errorf("the fault %q cannot be played here", f.Kind)
}

// offset moves the wall clock, and back when it is healed.
func (p *pi) offset(by time.Duration) effect {
	p.Clock.Step(by)
	return p.feltByTurns(func() { p.Clock.Step(-by) })
}

// wander sets the wall clock again and again, each time off by what is asked for, and right when it is healed.
func (p *pi) wander(every time.Duration, off func() time.Duration) effect {
	var at time.Duration
	set := func(to time.Duration) {
		p.Clock.Step(to - at)
		at = to
	}
	stop := p.world.again(every, func() { set(off()) })
	return p.feltByTurns(func() {
		stop()
		set(0)
	})
}

// again does something now and every so often, until it is stopped.
func (w *World) again(every time.Duration, do func()) (stop func()) {
	var timer *event.Timer
	var step func()
	step = func() {
		do()
		timer = w.Kernel.Loop.After(max(every, time.Millisecond), step)
	}
	step()
	return func() { w.Kernel.Loop.Stop(timer) }
}

// bootInPast takes the machine's power and gives it back at once. It boots with its wall clock in the past, which is right again when
// the fault is healed. One that is off already does not boot now.
func (p *pi) bootInPast(by time.Duration) effect {
	if !p.On() {
		return nothing()
	}
	e := p.cutPower()
	p.plug()
	p.Clock.Step(-by)
	return effect{heal: func() { p.Clock.Step(by) }, felt: e.felt}
}

// millis returns a parameter that is a time.
func millis(f *chaos.Fault, name string) time.Duration {
	return time.Duration(f.Param(name)) * time.Millisecond
}
