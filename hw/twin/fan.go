package twin

import "picloud/hw"

// fan is the fan, if the board has one.
type fan struct {
	duty   hw.Duty // that it turns at
	pwm    int64   // what the kernel gives it, of 255
	manual bool    // a program has set the pwm: the kernel's curve rests
	level  int     // of the curve
	fault  FanFault
	stuck  hw.Duty // what it turns at then
}

// FanFault is what ails a fan.
type FanFault uint8

// The states of a fan.
const (
	FanFine  FanFault = iota
	FanDead           // it stands
	FanStuck          // it turns as it did, whatever it is told
)

const fullRPM = 8000 // of the Active Cooler

// curve is that of the Pi 5: the device tree's levels and temperatures, each left 5 K lower than it is entered.
func curve() (pwm [5]int64, from [4]int64) {
	return [5]int64{0, 75, 125, 175, 250}, [4]int64{50_000, 60_000, 67_500, 75_000}
}

const curveHysteresis = 5_000

// kernelFan tells whether the kernel drives the fan.
func (p *Pi) kernelFan() bool { return p.config.Cooling == Fan && p.config.Model == Pi5 }

// turnFan lets the fan follow what drives it.
func (p *Pi) turnFan() {
	if p.config.Cooling != Fan {
		return
	}
	duty := hw.FullDuty
	switch pin := p.pin(p.config.Equipment.FanPin); {
	case p.kernelFan():
		p.followCurve()
		duty = hw.Duty(p.pwm * 1000 / 255)
	case pin != nil && !pin.high():
		duty = 0
	}
	switch p.fan.fault {
	case FanDead:
		duty = 0
	case FanStuck:
		duty = p.fan.stuck
	}
	if p.state != running {
		duty = 0
	}
	if duty != p.duty {
		p.settle()
		p.duty = duty
		p.heat.setAirflow(duty)
	}
}

func (p *Pi) followCurve() {
	if p.manual {
		return
	}
	pwm, from := curve()
	seen := p.sensor()
	for p.level < len(from) && seen >= from[p.level] {
		p.level++
	}
	for p.level > 0 && seen < from[p.level-1]-curveHysteresis {
		p.level--
	}
	p.pwm = pwm[p.level]
}

// SetFan breaks the fan, or mends it.
func (p *Pi) SetFan(f FanFault) {
	p.fan.fault, p.fan.stuck = f, p.duty
	p.turnFan()
}
