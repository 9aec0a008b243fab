package twin

// SetSupply says what comes out of the supply, in millivolts.
func (p *Pi) SetSupply(millivolts int64) { p.supply = millivolts }

// SetCable says what resistance lies between supply and board; 0 is a good one's, as in Config.
func (p *Pi) SetCable(milliohms int64) {
	if milliohms <= 0 {
		milliohms = goodMilliohms
	}
	p.cable = min(milliohms, mostMilliohms)
}

// SetAir says how warm the air around the board is. The board's own warmth stays at first.
func (p *Pi) SetAir(milliCelsius int64) {
	if air := milliCelsius * nanokelvin; air != p.air {
		p.settle()
		p.board -= air - p.air
		p.air = air
	}
}

// SetSensorStuck lets the thermometer show for ever what it shows now, or mends it. The firmware throttles by others in the chip.
func (p *Pi) SetSensorStuck(stuck bool) {
	if stuck && !p.frozen {
		p.frozenAt = p.sensor()
	}
	p.frozen = stuck
}

// SetRelayStuck lets the contact of the relays that feed a machine stay where it is, or mends it.
func (p *Pi) SetRelayStuck(feeds string, stuck bool) {
	for i := range p.relays {
		if r := &p.relays[i]; r.feeds == feeds {
			r.stuck = stuck
		}
	}
	p.followPins()
}

// SetWatchdogDead lets the watchdog never bite, though it seems to run, or mends it.
func (p *Pi) SetWatchdogDead(dead bool) {
	p.dog.dead = dead
	p.dog.rearm(p.now)
}

// ForgetMeters resets the chips that measure power, as when their own supply dips: those that need one have no calibration then, and show
// no current. It returns how many chips that are: those of a board without power have nothing to forget.
func (p *Pi) ForgetMeters() int64 {
	p.bus.forget()
	if p.state == off {
		return 0
	}
	return int64(len(p.bus.chips))
}

// SetMeasured says what flows to a machine, for the meters that measure it; its own name for that of the board.
func (p *Pi) SetMeasured(machine string, millivolts, milliamps int64) {
	p.bus.measure(machine, millivolts, milliamps)
}

// CardState is what the system sees of the card and of the file system on it.
type CardState struct {
	ReadOnly     bool
	Errors       int64 // that the file system has met
	WrittenBytes int64 // in the file system's life, beside what the board has seen itself
}

// SetCard says how the card is.
func (p *Pi) SetCard(s CardState) { p.kernel.disk = s }

// LinkState is what the system sees of its wire.
type LinkState struct {
	Up               bool
	Changes          int64 // between up and down
	Megabits         int64 // a second
	RxBytes, TxBytes int64
	RxErrors         int64
}

// SetLink says how the wire is.
func (p *Pi) SetLink(s LinkState) { p.kernel.link = s }
