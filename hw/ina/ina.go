// Package ina reads the chips that measure a supply: Texas Instruments' INA219, INA226 and INA3221, over I²C.
//
// Registers have 16 bits, the highest first. The calibration of an INA219 or INA226 is chosen so that its current register
// counts in the same steps as its shunt register, as Linux's ina2xx does it: then all arithmetic is exact. An INA3221 has no current
// register. Sources are the chips' data sheets (SBOS448, SBOS547, SBOS576).
//
// A chip whose supply failed has forgotten how it was set up, and an INA219 or INA226 says 0 A ever after: that is no current.
// So the setup is read back with each reading; a chip that has lost it is set up again, and what it says then is unknown.
package ina

import (
	"encoding/binary"
	"errors"
	"fmt"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// Chip is a kind of chip.
type Chip string

// The kinds.
const (
	INA219  Chip = "ina219"
	INA226  Chip = "ina226"
	INA3221 Chip = "ina3221"
)

// kind is what sets chips apart.
type kind struct {
	setup      []register // what is written to it, and read back
	shunt, bus uint8      // registers of the first channel; the others' follow, two further each
	current    uint8      // 0 if there is none
	shuntShift int        // how far the figure stands above the register's lowest bit
	busShift   int
	busSigned  bool  // what has no supply may be a step below 0 V
	overflow   bool  // whether the lowest bit of the bus register says that the current does not fit
	shuntStep  int64 // nanovolts
	most       int64 // steps of the shunt at which the chip is at its end
	busStep    physic.ElectricPotential
}

type register struct {
	number uint8
	value  uint16
}

// kinds returns the kinds of chips. The setups: 32 V, ±320 mV, 12 bits (INA219); 16 averages of 1.1 ms (INA226, INA3221); all measure without end.
func kinds() map[Chip]kind {
	return map[Chip]kind{
		INA219: {setup: []register{{0, 0x399f}, {5, 4096}}, shunt: 1, bus: 2, current: 4, busShift: 3, overflow: true,
			shuntStep: 10_000, most: 32_000, busStep: 4 * physic.MilliVolt},
		INA226: {setup: []register{{0, 0x4527}, {5, 2048}}, shunt: 1, bus: 2, current: 4,
			shuntStep: 2_500, most: 32_767, busStep: 1250 * physic.MicroVolt},
		INA3221: {setup: []register{{0, 0x7527}}, shunt: 1, bus: 2, shuntShift: 3, busShift: 3, busSigned: true,
			shuntStep: 40_000, most: 4_095, busStep: 8 * physic.MilliVolt},
	}
}

// Meter is a chip on a bus. It is for one goroutine at a time.
type Meter struct {
	chip Chip
	kind kind
	dev  i2c.Dev
}

// New returns the meter at an address. The chip is set up when it is first read.
func New(bus i2c.Bus, c Chip, address uint16) (*Meter, error) {
	k, is := kinds()[c]
	if !is {
		return nil, fmt.Errorf("ina: %q is no chip that is known", c)
	}
	return &Meter{chip: c, kind: k, dev: i2c.Dev{Bus: bus, Addr: address}}, nil
}

// String says which meter it is.
func (m *Meter) String() string {
	return fmt.Sprintf("%s at 0x%x on %s", m.chip, m.dev.Addr, m.dev.Bus)
}

// errLost says that a chip has just been set up.
var errLost = errors.New("it was not set up, as it has lost its supply or is new, and measures from now on")

// Measure reads a channel, counted from 1, whose shunt has so many milliohms.
func (m *Meter) Measure(channel, shuntMilliohms int) hw.Power {
	if err := m.ready(); err != nil {
		return hw.Power{Voltage: hw.Unknown[physic.ElectricPotential](m.failed(err)), Current: hw.Unknown[physic.ElectricCurrent](m.failed(err))}
	}
	further := uint8(2 * (channel - 1))
	volts, err := m.get(m.kind.bus + further)
	p := hw.Power{Voltage: hw.Read(m.kind.volts(volts)*m.kind.busStep, m.failed(err))}
	if err == nil && m.kind.overflow && volts&1 != 0 {
		err = errTooMuch
	}
	var nanovolts int64
	if err == nil {
		nanovolts, err = m.shunt(further)
	}
	p.Current = hw.Read(physic.ElectricCurrent(nanovolts*1000/int64(shuntMilliohms)), m.failed(err))
	return p
}

// volts returns the steps of a bus register.
func (k *kind) volts(word uint16) physic.ElectricPotential {
	if k.busSigned {
		return physic.ElectricPotential(int16(word) >> k.busShift)
	}
	return physic.ElectricPotential(word >> k.busShift)
}

// errTooMuch says that the voltage over the shunt is as high as the chip can say, or higher.
var errTooMuch = errors.New("the current is more than it can measure with this shunt")

// shunt returns the voltage over a shunt in nanovolts.
func (m *Meter) shunt(further uint8) (int64, error) {
	from := m.kind.shunt + further
	if m.kind.current != 0 {
		from = m.kind.current // it counts in the steps of the shunt, see the package's comment
	}
	word, err := m.get(from)
	steps := int64(int16(word) >> m.kind.shuntShift)
	if err == nil && (steps >= m.kind.most || steps <= -m.kind.most) {
		err = errTooMuch
	}
	return steps * m.kind.shuntStep, err
}

// failed says whose error it is.
func (m *Meter) failed(err error) error {
	if err == nil {
		return nil
	}
	return &hw.Error{Kind: hw.Failed, Doing: "read", What: m.String(), Err: err}
}

// ready sets the chip up if it is not.
func (m *Meter) ready() error {
	lost := false
	for _, r := range m.kind.setup {
		is, err := m.get(r.number)
		if err != nil {
			return err
		}
		if is == r.value {
			continue
		}
		lost = true
		if err := m.set(r); err != nil {
			return err
		}
	}
	if lost {
		return errLost
	}
	return nil
}

func (m *Meter) get(number uint8) (uint16, error) {
	var b [2]byte
	if err := m.dev.Tx([]byte{number}, b[:]); err != nil {
		return 0, fmt.Errorf("read register %d: %w", number, err)
	}
	return binary.BigEndian.Uint16(b[:]), nil
}

func (m *Meter) set(r register) error {
	if err := m.dev.Tx([]byte{r.number, byte(r.value >> 8), byte(r.value)}, nil); err != nil {
		return fmt.Errorf("write register %d: %w", r.number, err)
	}
	return nil
}
