package hwtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"periph.io/x/conn/v3/physic"
)

// Chip is a chip that measures a supply, as its registers show it. A new one is not set up.
type Chip struct {
	mu        sync.Mutex
	kind      string
	registers map[uint8]uint16
	nanovolts []int64 // over the shunt of each channel
	bus       []physic.ElectricPotential
	broken    bool
}

// NewChip returns an ina219, ina226 or ina3221 with a supply of 0 V.
func NewChip(kind string) *Chip {
	c := &Chip{kind: kind, nanovolts: make([]int64, 3), bus: make([]physic.ElectricPotential, 3)}
	c.BrownOut()
	return c
}

// Feed has a channel, counted from 1, measure a voltage, and a current through a shunt.
func (c *Chip) Feed(channel int, v physic.ElectricPotential, i physic.ElectricCurrent, shuntMilliohms int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bus[channel-1] = v
	c.nanovolts[channel-1] = int64(i) * int64(shuntMilliohms) / 1000
}

// BrownOut takes from the chip how it was set up, as a sag of its supply does.
func (c *Chip) BrownOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.registers = map[uint8]uint16{0: map[string]uint16{"ina219": 0x399f, "ina226": 0x4127, "ina3221": 0x7127}[c.kind]}
}

// Break has the chip answer no more, or again.
func (c *Chip) Break(broken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = broken
}

func (c *Chip) tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken:
		return errors.New("hwtest: no acknowledgement")
	case len(w) == 3 && len(r) == 0:
		c.registers[w[0]] = binary.BigEndian.Uint16(w[1:])
		return nil
	case len(w) == 1 && len(r) == 2:
		binary.BigEndian.PutUint16(r, c.read(w[0]))
		return nil
	}
	return fmt.Errorf("hwtest: %d bytes to a chip and %d from it", len(w), len(r))
}

// read returns what a register shows.
func (c *Chip) read(number uint8) uint16 {
	if number >= 1 && number <= 6 && c.kind == "ina3221" {
		channel := (number - 1) / 2
		if number%2 == 1 {
			return uint16(ends(c.nanovolts[channel]/40_000, 4095)) << 3
		}
		return uint16(c.bus[channel]/(8*physic.MilliVolt)) << 3
	}
	if c.kind != "ina3221" {
		step, scale, most := int64(10_000), int64(4096), int64(32_000) // of the shunt; of the calibration: see the data sheets' equation for the current register
		if c.kind == "ina226" {
			step, scale, most = 2_500, 2048, 32_767
		}
		switch shunt := ends(c.nanovolts[0]/step, most); number {
		case 1:
			return uint16(shunt)
		case 2:
			if c.kind == "ina226" {
				return uint16(c.bus[0] / (1250 * physic.MicroVolt))
			}
			return uint16(c.bus[0]/(4*physic.MilliVolt))<<3 | 2 // ready
		case 4:
			return uint16(shunt * int64(c.registers[5]) / scale)
		}
	}
	return c.registers[number]
}

// ends keeps a figure within what a chip can say.
func ends(n, most int64) int64 { return max(-most, min(n, most)) }
