package twin

import (
	"time"

	"picloud/hw"
)

// heat is the board's warmth: how much warmer than the board the die is, and how much warmer than the air the board, each in nanokelvin.
// Power in microwatts times a resistance in mK/W is nanokelvin, so nothing is lost to units.
type heat struct {
	cooler     cooler
	air        int64 // nanokelvin above 0 °C
	die, board int64

	resistance int64 // from board to air as the fan turns now, mK/W
	dieDecay   *decay
	boardDecay *decay
	airflows   map[hw.Duty]*decay // of the board, for each duty that there was
}

const (
	nanokelvin      = 1_000_000 // in a thousandth of a degree
	roomTemperature = 22_000    // thousandths of °C
)

func newHeat(c cooler) heat {
	h := heat{cooler: c, air: roomTemperature * nanokelvin, dieDecay: newDecay(tau(c.r1, c.c1)), airflows: map[hw.Duty]*decay{}}
	h.setAirflow(0)
	return h
}

// setAirflow says at what duty the fan turns. What the board has stored stays.
func (h *heat) setAirflow(d hw.Duty) {
	h.resistance = h.cooler.resistance(d)
	known := h.airflows[d]
	if known == nil {
		known = newDecay(tau(h.resistance, h.cooler.c2))
		h.airflows[d] = known
	}
	h.boardDecay = known
}

// warm lets time pass at a power in microwatts. It is the exact solution of a resistance with a capacity beside it, for each lump.
func (h *heat) warm(microwatt int64, t time.Duration) {
	h.die = approach(h.die, h.cooler.r1*microwatt, h.dieDecay.over(t))
	h.board = approach(h.board, h.resistance*microwatt, h.boardDecay.over(t))
}

// nanokelvin returns the processor's temperature above 0 °C.
func (h *heat) nanokelvin() int64 { return h.air + h.die + h.board }

// warmUp lets the board be as warm as one that has been idle for long, with its fan as fast as it then is.
func (p *Pi) warmUp() {
	idle, duty := p.model.idleMicrowatt, p.wantedDuty()
	p.die = p.cooler.r1 * idle
	p.board = p.cooler.resistance(duty) * idle
	p.inrush = -1 // long ago
	if !p.kernelFan() {
		return
	}
	pwm, from := curve()
	for level := 0; level < len(from) && p.nanokelvin() >= from[level]*nanokelvin; level++ {
		p.board = p.cooler.resistance(hw.Duty(pwm[level+1]*1000/255)) * idle
	}
}
