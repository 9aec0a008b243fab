package twin

import "time"

// electrics is how power comes to the board.
type electrics struct {
	supply, cable int64 // mV where the cable begins, mΩ
	volts         int64 // mV at the board
	drawn         int64 // µW, on the average of the last tick
	inrush        time.Duration
	// activeMicrowatt is what a busy core draws more, at each 50 MHz from the lowest clock on.
	activeMicrowatt []int64
}

const (
	nominalMillivolts = 5_100
	goodMilliohms     = 110 // cable and supply of a good one
	mostMilliohms     = 10_000

	underMillivolts = 4_630 // the firmware says so below
	resetMillivolts = 4_000 // the power chip works down to here (MXL7704)
	startMillivolts = 4_300 // estimated

	heldMicrowatt   = 200_000   // estimated
	inrushMicrowatt = 4_000_000 // estimated
	inrushTime      = 500 * time.Millisecond

	nicMicrowattPerMbit = 300 // estimated: 0.3 W at a gigabit
	cardMicrowatt       = 300_000
	fanMicrowatt        = 600_000 // at full speed, estimated; it falls with the cube

	clockStep = 50 // MHz
)

// powerTable returns activeMicrowatt.
func (p *Pi) powerTable() []int64 {
	var table []int64
	for mhz := p.model.floorMHz; mhz <= p.model.maxMHz; mhz += clockStep {
		table = append(table, p.model.coreMicrowatt*power(mhz, p.model.maxMHz, p.model.exponent)/1_000_000)
	}
	return table
}

// warmth returns the mean power in microwatts that became heat on the board over a time in which a work was done.
func (p *Pi) warmth(w Work, t time.Duration) int64 {
	var watts int64
	switch p.state {
	case off:
		return 0
	case held:
		watts = heldMicrowatt
	case halted:
		watts = p.model.haltedMicrowatt
	case running:
		watts = p.model.idleMicrowatt
		watts += mean(p.activeMicrowatt[(p.clock()-p.model.floorMHz)/clockStep], int64(w.CoreTime), t)
		watts += mean(cardMicrowatt, min(int64(w.DiskBusy), int64(t)), t)
		watts += min(mean(nicMicrowattPerMbit*8*1000, w.NetBytes, t), nicMicrowattPerMbit*p.model.linkMbit)
	}
	return watts
}

// draw returns the mean power in microwatts that was drawn. What the fan takes and what charges the capacitors does not warm the board.
func (p *Pi) draw(w Work, t time.Duration) int64 {
	watts := p.warmth(w, t)
	if p.state != off && p.settled <= p.inrush {
		watts += inrushMicrowatt
	}
	d := int64(p.duty)
	return watts + fanMicrowatt*d/1000*d/1000*d/1000
}

// mean returns the power of an amount of something over a time, of which each nanosecond's worth takes some.
func mean(each, amount int64, t time.Duration) int64 { return mulDiv(each, amount, int64(t)) }

// feel works out what arrives at the board, and what becomes of it.
func (p *Pi) feel(microwatt int64) {
	p.drawn = microwatt
	p.volts = sag(p.supply, p.cable, microwatt/1000)
	switch {
	case p.volts < resetMillivolts && p.state == running:
		p.stop(held, UnderVoltageReset)
	case p.volts < resetMillivolts && p.state == halted:
		p.state = held
	case p.volts >= startMillivolts && p.state == held:
		p.start()
	}
}

// sag returns the volts behind a cable at whose end a power is drawn, in mV, mΩ and mW: V = Vs - R*P/V. Where that has no solution the
// cable cannot carry the power, and half of the supply's volts are the most that it can be used at.
func sag(supply, milliohm, milliwatt int64) int64 {
	d := supply*supply - 4*milliohm*milliwatt
	if d < 0 {
		return supply / 2
	}
	return (supply + int64(squareRoot(uint64(d)))) / 2
}
