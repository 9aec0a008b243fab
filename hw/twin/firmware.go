package twin

import (
	"math/bits"
	"math/rand/v2"
	"time"

	"picloud/hw"
)

// firmware is what the board's own processor decides, and what it says of it.
type firmware struct {
	cap        int64         // MHz, the most that the cores get
	soft       bool          // above the soft limit
	clampUntil time.Duration // the clock is at its floor for under-voltage
	bits       hw.Throttling // now, and since somebody cleared it
	polled     hw.Throttling // as the kernel last saw it
	busy       bool          // enough to do for the governor to leave the lowest clock
	frozen     bool          // the thermometer shows the same for ever
	frozenAt   int64
}

// Limits in thousandths of °C. The soft limit and the band from 80 to 85 °C are documented; that the soft limit ends 2 K lower and that
// under-voltage holds the clock down for 2 s are estimates.
const (
	softTemperature     = 60_000
	softEndTemperature  = 58_000
	bandTemperature     = 80_000
	hardTemperature     = 85_000
	criticalTemperature = 110_000

	clampTime = 2 * time.Second
)

// throttle sets the clock's bound and the bits by heat and volts.
func (p *Pi) throttle() {
	m, heat := &p.model, p.MilliCelsius()
	f := &p.firmware
	now := hw.Throttling(0)
	f.cap = m.maxMHz
	f.soft = m.softMHz > 0 && (heat >= softTemperature || f.soft && heat >= softEndTemperature)
	if f.soft {
		f.cap, now = m.softMHz, now|hw.SoftLimitNow
	}
	if heat >= bandTemperature {
		f.cap, now = min(f.cap, m.inBand(heat)), now|hw.CappedNow
	}
	if heat >= hardTemperature {
		now |= hw.ThrottledNow
	}
	if p.volts < underMillivolts {
		f.clampUntil, now = p.settled+clampTime, now|hw.UnderVoltageNow
	}
	if p.settled < f.clampUntil {
		f.cap, now = m.floorMHz, now|hw.ThrottledNow
	}
	f.bits = f.bits&^0xffff | now | now<<16
}

// inBand returns the clock at a temperature from 80 °C on: it falls evenly until 85 °C, in steps.
func (m *model) inBand(heat int64) int64 {
	far := min(heat, hardTemperature) - bandTemperature
	wish := m.maxMHz - (m.maxMHz-m.floorMHz)*far/(hardTemperature-bandTemperature)
	for _, step := range m.steps {
		if step <= wish {
			return step
		}
	}
	return wish - wish%clockStep
}

// poll is the kernel's: it asks what has been, and clears that.
func (p *Pi) poll() { p.polled = p.clearSticky(0xffff) }

// clearSticky returns the bits, and then clears of those that tell what has been. What still is, has been again.
func (p *Pi) clearSticky(mask uint32) hw.Throttling {
	was := p.firmware.bits
	p.firmware.bits = was&^(hw.Throttling(mask)<<16) | was<<16
	return was
}

// clock returns the clock in MHz that the cores have when they work; the governor gives less to those that do not.
func (p *Pi) clock() int64 {
	if p.state != running {
		return 0
	}
	return min(p.firmware.cap, p.maxMHz)
}

// measuredClock returns the clock as the firmware measures it.
func (p *Pi) measuredClock() int64 {
	if p.busy {
		return p.clock()
	}
	return min(p.clock(), p.model.floorMHz)
}

// coreMillivolts returns the volts of the cores, which follow the clock.
func (p *Pi) coreMillivolts() int64 {
	m := &p.model
	return m.floorMV + (m.topMV-m.floorMV)*(p.measuredClock()-m.floorMHz)/max(m.maxMHz-m.floorMHz, 1)
}

// sensor returns what the thermometer shows, in thousandths of °C. It has noise, by a standard deviation of 0.4 K (the count of ones among
// 64 random bits has one of 4), and steps. It takes a reading ten times a second.
func (p *Pi) sensor() int64 {
	if p.frozen {
		return p.frozenAt
	}
	random := rand.NewPCG(p.config.Seed, uint64(p.now/(100*time.Millisecond))).Uint64()
	shown := p.MilliCelsius() + 100*int64(bits.OnesCount64(random)-32)
	return shown - (shown%p.model.sensorStep+p.model.sensorStep)%p.model.sensorStep
}
