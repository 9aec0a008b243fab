package world

import (
	"fmt"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/hw/twin"
	"picloud/sim/event"
	"picloud/sim/kernel"
	"picloud/sim/net"
	"picloud/sim/rack"
)

// breakHardware makes a fault that starts in the hardware happen.
func (w *World) breakHardware(f *chaos.Fault) (effect, error) {
	if f.Target.Type == chaos.OnSwitch {
		return w.breakShelf(f)
	}
	return w.onEach(f, (*pi).breakBoard)
}

// onEach makes a fault happen on each machine at which it is aimed.
func (w *World) onEach(f *chaos.Fault, do func(*pi, *chaos.Fault) (effect, error)) (effect, error) {
	var all []effect
	for _, name := range f.Target.A {
		p, err := w.lookup(name)
		if err != nil {
			return effect{}, err
		}
		e, err := do(p, f)
		if err != nil {
			return effect{}, err
		}
		all = append(all, e)
	}
	if len(all) == 1 {
		return all[0], nil // which may know when it struck
	}
	return together(all), nil
}

// together is several effects as one.
func together(all []effect) effect {
	return effect{
		heal: func() {
			for _, e := range all {
				if e.heal != nil {
					e.heal()
				}
			}
		},
		felt: func() (sum int64) {
			for _, e := range all {
				sum += e.felt()
			}
			return sum
		},
	}
}

// breakShelf makes a fault of a shelf's air or supply happen.
func (w *World) breakShelf(f *chaos.Fault) (effect, error) {
	name := f.Target.A[0]
	if f.Kind == chaos.MainsOut {
		return w.emptyBattery(name, millis(f, "left"), f.Param("orderly") == 1), nil
	}
	s := w.shelves[name]
	if s == nil {
		return effect{}, fmt.Errorf("on %s stands no board", name)
	}
	switch f.Kind {
	case chaos.AirWarm:
		s.SetAmbient(*w.config.Hardware.Air + f.Param("by"))
		c := w.counting(func() bool { return w.anyBoardOn(name) })
		return effect{heal: func() { c.stop(); s.SetAmbient(*w.config.Hardware.Air) }, felt: c.felt}, nil
	case chaos.SupplyWeak, chaos.SupplyOut, chaos.PoEShed:
		full := s.BuiltFor()
		if f.Kind == chaos.PoEShed {
			return w.shed(s, name, full/1000*f.Param("left")/1000), nil
		}
		left := int64(0)
		if f.Kind == chaos.SupplyWeak {
			left = f.Param("left")
		}
		s.SetBudget(full / 1000 * left / 1000)
		return growing(s.Short, func() { s.SetBudget(full) }), nil
	}
	return effect{}, fmt.Errorf("the fault %q cannot be played here", f.Kind)
}

// anyBoardOn tells whether a machine with a board that stands on a shelf has power.
func (w *World) anyBoardOn(shelf string) bool {
	return slices.ContainsFunc(w.onSwitch(shelf), func(p *pi) bool { return p.board != nil && p.On() })
}

// breakBoard makes a fault of one machine's hardware happen.
func (p *pi) breakBoard(f *chaos.Fault) (effect, error) {
	switch f.Kind {
	case chaos.LinkFlap:
		return p.flap(f)
	case chaos.CPULies:
		return p.lie(f)
	case chaos.RelayStuck:
		return p.jamRelay()
	}
	if p.board == nil {
		return effect{}, fmt.Errorf("%s has no board", p.Name)
	}
	switch f.Kind {
	case chaos.Hang:
		return p.hang(f)
	case chaos.FanDead:
		fault := map[bool]twin.FanFault{true: twin.FanDead, false: twin.FanFine}
		return p.spoil(func(dead bool) { p.board.SetFan(fault[dead]) }, func() bool { return p.On() && p.board.FanDriven() }), nil
	case chaos.SensorStuck:
		return p.spoil(p.board.SetSensorStuck, func() bool { return p.On() }), nil
	case chaos.MeterForgets:
		forgot := p.board.ForgetMeters()
		return effect{felt: func() int64 { return forgot }}, nil
	case chaos.CableBad:
		set := func(bad bool) {
			p.board.SetCable(p.config.Board.CableMilliohms)
			if bad {
				p.board.SetCable(f.Param("resistance"))
			}
		}
		return p.spoil(set, p.underVoltage), nil
	}
	return effect{}, fmt.Errorf("the fault %q cannot be played here", f.Kind)
}

// spoil breaks a part until it is healed, and counts for how many steps of the rack that made a difference.
func (p *pi) spoil(set func(broken bool), matters func() bool) effect {
	set(true)
	c := p.world.counting(matters)
	return effect{heal: func() { c.stop(); set(false) }, felt: c.felt}
}

// underVoltage tells whether what arrives at the board is too little: below 4.63 V.
func (p *pi) underVoltage() bool { return p.On() && p.board.Millivolts() < 4630 }

// counter counts the steps of the rack at which something is so.
type counter struct {
	stop func()
	n    int64
}

func (w *World) counting(so func() bool) *counter {
	c := &counter{}
	c.stop = w.again(rack.Step, func() {
		if so() {
			c.n++
		}
	})
	return c
}

func (c *counter) felt() int64 { return c.n }

// hang lets the machine stand still until it is reset. Its network stack, which a pause leaves alone, stands still as well.
func (p *pi) hang(f *chaos.Fault) (effect, error) {
	var cut *net.Applied
	if p.On() {
		var err error
		if cut, err = p.world.Network.Apply(f.Name()+"/"+p.Name, net.WireCut{Where: net.Where{Link: p.Name}}); err != nil {
			return effect{}, err
		}
		p.mute = append(p.mute, cut)
	}
	p.board.SetWatchdogDead(f.Param("watchdog") == 0)
	e := p.pause()
	return effect{heal: func() {
		if cut != nil {
			cut.Heal()
		}
		e.heal()
		p.board.SetWatchdogDead(false)
	}, felt: e.felt}, nil
}

// flap takes the machine's wire down again and again.
func (p *pi) flap(f *chaos.Fault) (effect, error) {
	loop := p.world.Kernel.Loop
	down, every := time.Duration(f.Param("down"))*time.Millisecond, time.Duration(f.Param("every"))*time.Millisecond
	if down >= every {
		return effect{}, fmt.Errorf("a wire that is down for %s every %s is never up", down, every)
	}
	var cut *net.Applied
	var timer *event.Timer
	var fall func()
	n, felt := int64(0), int64(0)
	rise := func() {
		if cut != nil {
			cut.Heal()
			cut, p.wire, p.flaps = nil, true, p.flaps+1
		}
	}
	fall = func() {
		a, err := p.world.Network.Apply(fmt.Sprintf("%s/%d", f.Name(), n), net.WireCut{Where: net.Where{Link: p.Name}})
		if err != nil {
			p.world.Kernel.Fail(err)
			return
		}
		if n++; p.On() {
			felt++
		}
		cut, p.wire, p.flaps = a, false, p.flaps+1
		timer = loop.After(down, func() {
			rise()
			timer = loop.After(every-down, fall)
		})
	}
	fall()
	return effect{heal: func() { loop.Stop(timer); rise() }, felt: func() int64 { return felt }}, nil
}

// lie makes the machine's processor compute hashes wrongly, while it is hot enough.
func (p *pi) lie(f *chaos.Fault) (effect, error) {
	mask := byte(f.Param("mask"))
	rule := kernel.WrongHash{Mask: mask, Match: mask & byte(f.Param("match")), Bit: byte(f.Param("bit")), Cores: uint64(f.Param("cores"))}
	above := f.Param("above")
	if above > 0 && p.board == nil {
		return effect{}, fmt.Errorf("%s has no board that says how hot it is", p.Name)
	}
	stop := func() {}
	if above == 0 {
		p.LieAboutHashes(rule)
	} else {
		stop = p.world.again(rack.Step, func() {
			if p.board.MilliCelsius() < above {
				p.TellTruth()
			} else {
				p.LieAboutHashes(rule)
			}
		})
	}
	return growing(p.Lies, func() { stop(); p.TellTruth() }), nil
}

// jamRelay lets the relay that feeds the machine stay as it is.
func (p *pi) jamRelay() (effect, error) {
	found := false
	set := func(stuck bool) {
		for _, name := range p.world.names {
			if b := p.world.pis[name].board; b != nil && b.Drives(p.Name) {
				b.SetRelayStuck(p.Name, stuck)
				found = true
			}
		}
	}
	if set(true); !found {
		return effect{}, fmt.Errorf("no relay feeds %s", p.Name)
	}
	return effect{heal: func() { set(false) }, felt: func() int64 { return 1 }}, nil
}
