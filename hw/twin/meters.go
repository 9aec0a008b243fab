package twin

import (
	"encoding/binary"
	"fmt"
	"slices"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// bus is the I²C buses and the chips on them, in the order in which they were named.
type bus struct {
	chips []*chip
}

// chip is a meter: its registers, as data sheets of INA219, INA226 and INA3221 have them.
type chip struct {
	bus      string
	kind     string
	address  uint16
	pointer  byte
	config   uint16
	divisor  uint16     // the calibration, which multiplies what the shunt shows
	channels [3]channel // only an ina3221 has more than the first
}

// channel is a shunt in the line to a machine.
type channel struct {
	of         string // empty for the board itself
	shunt      int64  // mΩ; 0: nothing is wired to it
	millivolts int64
	milliamps  int64
}

const headerBus = "1"

// newBus returns the buses with the chips of a valid configuration.
func newBus(meters []hw.Meter) *bus {
	b := &bus{}
	for _, m := range meters {
		c := b.at(m.Bus, m.Address)
		if c == nil {
			c = &chip{bus: m.Bus, kind: m.Chip, address: m.Address}
			b.chips = append(b.chips, c)
		}
		c.channels[m.Channel-1] = channel{of: m.Of, shunt: int64(m.Shunt)}
	}
	b.forget()
	return b
}

func (b *bus) has(number string) bool {
	return slices.ContainsFunc(b.chips, func(c *chip) bool { return c.bus == number })
}

func (b *bus) at(number string, address uint16) *chip {
	for _, c := range b.chips {
		if c.bus == number && c.address == address {
			return c
		}
	}
	return nil
}

// forget sets all registers to what they are after power came.
func (b *bus) forget() {
	for _, c := range b.chips {
		c.reset()
	}
}

// measure says what flows to a machine.
func (b *bus) measure(machine string, millivolts, milliamps int64) {
	for _, c := range b.chips {
		for i := range c.channels {
			if ch := &c.channels[i]; ch.of == machine {
				ch.millivolts, ch.milliamps = millivolts, milliamps
			}
		}
	}
}

func (c *chip) reset() {
	c.divisor, c.pointer = 0, 0
	switch c.kind {
	case "ina219":
		c.config = 0x399f
	case "ina226":
		c.config = 0x4127
	case "ina3221":
		c.config = 0x7127
	}
}

// write sets a register; those that tell what was measured cannot be set.
func (c *chip) write(register byte, v uint16) {
	switch {
	case register == 0 && v&0x8000 != 0:
		c.reset()
	case register == 0:
		c.config = v
	case register == 5 && c.kind == "ina219":
		c.divisor = v &^ 1 // its lowest bit is always 0
	case register == 5 && c.kind == "ina226":
		c.divisor = v & 0x7fff
	}
}

// read returns a register.
func (c *chip) read(register byte) uint16 {
	if register == 0 {
		return c.config
	}
	if c.kind == "ina3221" {
		return c.read3221(register)
	}
	shunt, bus := c.shunt(0), c.busVolts(0)
	current := clip(int64(shunt) * int64(c.divisor) / pick(c.kind == "ina219", 4096, 2048))
	switch register {
	case 1:
		return uint16(shunt)
	case 2:
		if c.kind == "ina219" {
			return bus<<3 | 2 // a conversion is ready
		}
		return bus
	case 3:
		return uint16(int64(current) * int64(bus) / pick(c.kind == "ina219", 5000, 20_000))
	case 4:
		return uint16(current)
	case 5:
		return c.divisor
	case 0xfe:
		return 0x5449
	case 0xff:
		return 0x2260
	}
	return 0
}

func (c *chip) read3221(register byte) uint16 {
	switch {
	case register >= 1 && register <= 6:
		i := int(register-1) / 2
		if c.config&(0x4000>>i) == 0 { // the channel is off
			return 0
		}
		if register%2 == 1 {
			return uint16(c.shunt(i)) << 3
		}
		return c.busVolts(i) << 3
	case register == 0xfe:
		return 0x5449
	case register == 0xff:
		return 0x3220
	}
	return 0
}

// shunt returns what falls off over the shunt, in the chip's steps. Milliamps times milliohms are microvolts.
func (c *chip) shunt(channel int) int16 {
	ch := &c.channels[channel]
	microvolts := ch.milliamps * ch.shunt
	switch c.kind {
	case "ina219":
		most := int64(4000) << (c.config >> 11 & 3) // 40 mV at the lowest gain, 320 mV at the highest
		return int16(max(-most, min(most, microvolts/10)))
	case "ina226":
		return clip(microvolts * 2 / 5)
	}
	return int16(max(-4096, min(4095, microvolts/40)))
}

// busVolts returns the volts behind the shunt, in the chip's steps.
func (c *chip) busVolts(channel int) uint16 {
	millivolts := max(c.channels[channel].millivolts, 0)
	switch c.kind {
	case "ina219":
		most := pick(c.config&0x2000 != 0, 8000, 4000) // 32 V or 16 V
		return uint16(min(millivolts/4, most))
	case "ina226":
		return uint16(min(millivolts*4/5, 0x7fff))
	}
	return uint16(min(millivolts/8, 0xfff))
}

func clip(n int64) int16 { return int16(max(-0x8000, min(0x7fff, n))) }

func pick(first bool, a, b int64) int64 {
	if first {
		return a
	}
	return b
}

// openBus is the bus as a process has it open.
type openBus struct {
	p      *Pi
	number string
}

var _ i2c.BusCloser = openBus{}

// String returns its name.
func (b openBus) String() string { return "I2C" + b.number }

// SetSpeed fails, as it does on a Pi.
func (b openBus) SetSpeed(physic.Frequency) error {
	return failure(hw.Absent, "set", "speed of bus "+b.number, "the device tree sets it")
}

// Close does nothing.
func (openBus) Close() error { return nil }

// Tx writes, then reads: the first byte chooses the register, two more set it; what is read is the register, again and again.
func (b openBus) Tx(address uint16, w, r []byte) error {
	what := fmt.Sprintf("i2c device %#x", address)
	if err := b.p.alive("access", what); err != nil {
		return err
	}
	c := b.p.bus.at(b.number, address)
	if c == nil {
		return failure(hw.Failed, "access", what, "nothing answers there")
	}
	b.p.measureSelf()
	if len(w) > 0 {
		c.pointer = w[0]
	}
	if len(w) == 2 || len(w) > 3 {
		return failure(hw.Invalid, "write", what, "%d bytes are no register", len(w)-1)
	}
	if len(w) == 3 {
		c.write(c.pointer, binary.BigEndian.Uint16(w[1:]))
	}
	var word [2]byte
	binary.BigEndian.PutUint16(word[:], c.read(c.pointer))
	for i := range r {
		r[i] = word[i%2]
	}
	return nil
}

// measureSelf tells the meters in the board's own line what it draws.
func (p *Pi) measureSelf() {
	milliamps := int64(0)
	if p.volts > 0 {
		milliamps = p.drawn / p.volts
	}
	for _, machine := range []string{"", p.config.Name} {
		p.bus.measure(machine, p.volts, milliamps)
	}
}
