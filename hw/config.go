package hw

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Config says what was wired to a board, as no board can know it.
type Config struct {
	// FanPin is the pin of a fan that the kernel does not know; empty for the kernel's.
	FanPin string  `yaml:"fan-pin,omitempty"`
	Relays []Relay `yaml:"relays,omitempty"`
	Meters []Meter `yaml:"meters,omitempty"`
	// BackupRelays are those that another machine drives as long as it can.
	BackupRelays []Relay `yaml:"backup-relays,omitempty"`
}

// Relay is a relay that cuts a machine off while its pin is high (load on the contact that is closed at rest).
type Relay struct {
	Feeds string `yaml:"feeds"` // the machine
	Pin   string `yaml:"pin"`   // "GPIO17"
}

// Meter is a chip that measures what a machine draws.
type Meter struct {
	Of      string `yaml:"of,omitempty"`  // the machine; the board's own if it is left out
	Chip    string `yaml:"chip"`          // ina219, ina226 or ina3221
	Bus     string `yaml:"bus,omitempty"` // 1 if it is left out
	Address uint16 `yaml:"address"`
	Channel int    `yaml:"channel,omitempty"`         // of an ina3221: 1 to 3
	Shunt   int    `yaml:"shunt-milliohms,omitempty"` // 100 if it is left out
}

// Validate puts defaults where nothing stands, and says what is wrong with the configuration, beginning with the place.
func (c *Config) Validate() error {
	pins := map[string]string{} // who has it
	if c.FanPin != "" {
		if err := usePin(pins, "fan-pin", c.FanPin); err != nil {
			return err
		}
	}
	fed := map[string]string{}
	for _, all := range []struct {
		key    string
		relays []Relay
	}{{"relays", c.Relays}, {"backup-relays", c.BackupRelays}} {
		for i, r := range all.relays {
			at := fmt.Sprintf("%s[%d]", all.key, i)
			if r.Feeds == "" {
				return fmt.Errorf("%s.feeds: which machine does it feed?", at)
			}
			if other, is := fed[r.Feeds]; is {
				return fmt.Errorf("%s.feeds: %s is fed by %s", at, r.Feeds, other)
			}
			fed[r.Feeds] = at
			if err := usePin(pins, at+".pin", r.Pin); err != nil {
				return err
			}
		}
	}
	return c.validateMeters()
}

// usePin takes a pin of the header: GPIO2 to GPIO27 (0 and 1 are for the memories of boards that are put on it).
func usePin(pins map[string]string, at, pin string) error {
	digits, is := strings.CutPrefix(pin, "GPIO")
	n, err := strconv.Atoi(digits)
	if !is || err != nil || n < 2 || n > 27 || strconv.Itoa(n) != digits {
		return fmt.Errorf("%s: %q is none of GPIO2 to GPIO27", at, pin)
	}
	if other, used := pins[pin]; used {
		return fmt.Errorf("%s: %s is used by %s", at, pin, other)
	}
	pins[pin] = at
	return nil
}

func (c *Config) validateMeters() error {
	of, chips, channels := map[string]string{}, map[string]string{}, map[string]string{}
	for i := range c.Meters {
		m, at := &c.Meters[i], fmt.Sprintf("meters[%d]", i)
		m.Bus, m.Shunt, m.Channel = cmp.Or(m.Bus, "1"), cmp.Or(m.Shunt, 100), cmp.Or(m.Channel, 1)
		if n, err := strconv.Atoi(m.Bus); err != nil || n < 0 {
			return fmt.Errorf("%s.bus: %q is not the number of a bus", at, m.Bus)
		}
		first, last, most := m.limits()
		switch {
		case most == 0:
			return fmt.Errorf("%s.chip: %q is none of ina219, ina226, ina3221", at, m.Chip)
		case m.Address < first || m.Address > last:
			return fmt.Errorf("%s.address: an %s has 0x%x to 0x%x, not 0x%x", at, m.Chip, first, last, m.Address)
		case m.Channel < 1 || m.Channel > most:
			return fmt.Errorf("%s.channel: an %s has 1 to %d, not %d", at, m.Chip, most, m.Channel)
		case m.Shunt < 1 || m.Shunt > 100_000:
			return fmt.Errorf("%s.shunt-milliohms: %d is not 1 to 100000", at, m.Shunt)
		}
		if other, is := of[m.Of]; is {
			return fmt.Errorf("%s.of: %s measures the same machine", at, other)
		}
		of[m.Of] = at
		place := fmt.Sprintf("bus %s, address 0x%x", m.Bus, m.Address)
		if other, is := chips[place]; is && other != m.Chip {
			return fmt.Errorf("%s.chip: at %s there is an %s", at, place, other)
		}
		channel := fmt.Sprintf("%s, channel %d", place, m.Channel)
		if other, is := channels[channel]; is {
			return fmt.Errorf("%s.address: %s reads %s", at, other, channel)
		}
		chips[place], channels[channel] = m.Chip, at
	}
	return nil
}

const chip3221 = "ina3221"

// limits returns the addresses that a chip can have, and how many channels; none of a chip that is not known.
func (m *Meter) limits() (first, last uint16, channels int) {
	switch m.Chip {
	case "ina219", "ina226":
		return 0x40, 0x4f, 1
	case chip3221:
		return 0x40, 0x43, 3
	}
	return 0, 0, 0
}
