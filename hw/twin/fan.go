package twin

import "picloud/hw"

// fan is the fan, if the board has one.
type fan struct {
	duty  hw.Duty // that it turns at
	pwm   int64   // what the kernel gives it, of 255
	cut   bool    // the kernel gives it nothing, whatever pwm says
	level int     // of the kernel's curve
	rests bool    // the curve does
	fault FanFault
	stuck hw.Duty // what it turns at then
}

// FanFault is what ails a fan.
type FanFault uint8

// The states of a fan.
const (
	FanFine  FanFault = iota
	FanDead           // it stands
	FanStuck          // it turns as it did, whatever it is told
)

const fullRPM = 8000 // of the Active Cooler, estimated

// curve is that of a Pi 5: levels and temperatures of its device tree. A level is left 5 K lower than it is entered.
func curve() (pwm [5]int64, from [4]int64) {
	return [5]int64{0, 75, 125, 175, 250}, [4]int64{50_000, 60_000, 67_500, 75_000}
}

const curveHysteresis = 5_000

// kernelFan tells whether the kernel drives the fan.
func (p *Pi) kernelFan() bool { return p.config.Cooling == Fan && p.config.Model == Pi5 }

// turnFan lets the fan do what it is told.
func (p *Pi) turnFan() {
	duty := p.wantedDuty()
	switch p.fan.fault {
	case FanDead:
		duty = 0
	case FanStuck:
		duty = p.fan.stuck
	}
	if p.state == off {
		duty = 0
	}
	if duty != p.duty {
		p.settle()
		p.duty = duty
		p.heat.setAirflow(duty)
	}
}

// wantedDuty returns what the fan is told.
func (p *Pi) wantedDuty() hw.Duty {
	pin := p.pin(p.config.Equipment.FanPin)
	switch {
	case p.config.Cooling != Fan:
		return 0
	case p.kernelFan():
		if p.state != running || p.cut {
			return 0
		}
		return hw.Duty(p.pwm * 1000 / 255)
	case pin != nil && !pin.high():
		return 0
	}
	return hw.FullDuty
}

// FanDriven tells whether the fan has power and is told to turn, which it does unless it is broken.
func (p *Pi) FanDriven() bool { return p.state != off && p.wantedDuty() > 0 }

// followCurve sets the pwm when heat enters another level of the curve. Between two such times it stays as a program has set it.
func (p *Pi) followCurve() {
	if p.rests {
		return
	}
	pwm, from := curve()
	seen, level := p.sensor(), p.level
	for level < len(from) && seen >= from[level] {
		level++
	}
	for level > 0 && seen < from[level-1]-curveHysteresis {
		level--
	}
	if level != p.level {
		p.level, p.pwm = level, pwm[level]
	}
}

// SetFan breaks the fan, or mends it.
func (p *Pi) SetFan(f FanFault) {
	p.fan.fault, p.fan.stuck = f, p.duty
	p.turnFan()
}
