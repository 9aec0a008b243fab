package net

import (
	"fmt"
	"time"
)

// Config is the topology: a tree of switches with machines at them, and the traits of the
// machines' network stacks.
type Config struct {
	Switches []Switch
	Hosts    []HostConfig
	Loopback time.Duration // latency from a machine to itself; 15 µs if zero
	Backlog  int           // streams that a listener holds until they are taken; 4096 if zero
}

// Switch is a switch, usually one to a shelf, with its uplink. Exactly one has none.
type Switch struct {
	Name   string
	Uplink string // the switch that it is wired to; empty at the root of the tree
	Link   Link   // the uplink
}

// HostConfig is a machine and its wire. Machines get addresses 10.77.<switch>.<n>, both counted
// from one in the order of the configuration.
type HostConfig struct {
	Name   string
	Switch string
	Link   Link
	// Coalesce is the time from the first packet after idle to the card's interrupt, which takes
	// all that have arrived by then; 40 µs if zero.
	Coalesce time.Duration
}

// Link is one wire; each direction has its own queue.
type Link struct {
	Latency
	BytesPerSecond int64 // one gigabit if zero
	BufferBytes    int64 // bytes that wait for the wire before packets are dropped; 512 KiB if zero
}

// Latency is the time a packet takes beyond its serialisation: the base, a jitter that is uniform
// from zero, and at times a tail.
type Latency struct {
	Base    time.Duration
	Jitter  time.Duration
	TailPPM int           // share of packets that meet the tail, per million
	TailMax time.Duration // longest tail; tails spread evenly over the eight octaves below it
}

// Gigabit is a Raspberry Pi's wire to an idle switch: round trips of 0.1 to 0.25 ms through two
// of them, one packet in a hundred later by up to 2 ms.
func Gigabit() Link {
	return Link{
		Latency: Latency{
			Base: 25 * time.Microsecond, Jitter: 20 * time.Microsecond,
			TailPPM: 5000, TailMax: 2 * time.Millisecond,
		},
		BytesPerSecond: 125_000_000,
		BufferBytes:    512 << 10,
	}
}

// WiFi is a Raspberry Pi's radio in a quiet room. The figures are assumed, not measured: round
// trips of 4 to 10 ms between two of them, one packet in a hundred later by up to 60 ms.
func WiFi() Link {
	return Link{
		Latency: Latency{
			Base: time.Millisecond, Jitter: 1500 * time.Microsecond,
			TailPPM: 5000, TailMax: 60 * time.Millisecond,
		},
		BytesPerSecond: 12_000_000,
		BufferBytes:    256 << 10,
	}
}

// LinkOf returns the link that scenario files call by that name; the empty name is gigabit.
func LinkOf(name string) (Link, error) {
	switch name {
	case "", "gigabit":
		return Gigabit(), nil
	case "wifi":
		return WiFi(), nil
	}
	return Link{}, fmt.Errorf("network: unknown link %q (gigabit or wifi)", name)
}

func (c Config) withDefaults() Config {
	if c.Loopback == 0 {
		c.Loopback = 15 * time.Microsecond
	}
	if c.Backlog == 0 {
		c.Backlog = 4096
	}
	c.Switches = append([]Switch(nil), c.Switches...)
	for i := range c.Switches {
		c.Switches[i].Link = c.Switches[i].Link.withDefaults()
	}
	c.Hosts = append([]HostConfig(nil), c.Hosts...)
	for i := range c.Hosts {
		c.Hosts[i].Link = c.Hosts[i].Link.withDefaults()
		if c.Hosts[i].Coalesce == 0 {
			c.Hosts[i].Coalesce = 40 * time.Microsecond
		}
	}
	return c
}

func (l Link) withDefaults() Link {
	if l.BytesPerSecond == 0 {
		l.BytesPerSecond = Gigabit().BytesPerSecond
	}
	if l.BufferBytes == 0 {
		l.BufferBytes = Gigabit().BufferBytes
	}
	return l
}

// Validate reports the first thing that is wrong with the configuration.
func (c Config) Validate() error {
	parents, err := c.validateSwitches()
	if err != nil {
		return err
	}
	seats := make(map[string]int, len(c.Switches))
	names := make(map[string]bool, len(c.Hosts))
	for i, h := range c.Hosts {
		place := fmt.Sprintf("network: machine %d (%q)", i+1, h.Name)
		_, isSwitch := parents[h.Name]
		_, known := parents[h.Switch]
		seats[h.Switch]++
		switch {
		case h.Name == "" || h.Name == "localhost":
			return fmt.Errorf("%s: not a name for a machine", place)
		case names[h.Name] || isSwitch:
			return fmt.Errorf("%s: the name is taken", place)
		case !known:
			return fmt.Errorf("%s: no switch %q", place, h.Switch)
		case seats[h.Switch] > 254:
			return fmt.Errorf("%s: switch %q has more than 254 machines", place, h.Switch)
		case h.Coalesce < 0:
			return fmt.Errorf("%s: coalesce time is negative", place)
		}
		if err := h.Link.validate(); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		names[h.Name] = true
	}
	if c.Loopback < 0 || c.Backlog < 0 {
		return fmt.Errorf("network: loopback latency and backlog must not be negative")
	}
	return nil
}

func (c Config) validateSwitches() (parents map[string]string, err error) {
	parents = make(map[string]string, len(c.Switches))
	if len(c.Switches) == 0 || len(c.Switches) > 254 {
		return nil, fmt.Errorf("network: %d switches, need 1 to 254", len(c.Switches))
	}
	roots := 0
	for i, s := range c.Switches {
		place := fmt.Sprintf("network: switch %d (%q)", i+1, s.Name)
		if _, taken := parents[s.Name]; taken || s.Name == "" {
			return nil, fmt.Errorf("%s: the name is empty or taken", place)
		}
		if err := s.Link.validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		if s.Uplink == "" {
			roots++
		}
		parents[s.Name] = s.Uplink
	}
	if roots != 1 {
		return nil, fmt.Errorf("network: %d switches without an uplink, need exactly one", roots)
	}
	for _, s := range c.Switches {
		at := s.Name
		for steps := 0; at != ""; steps++ {
			up, known := parents[at]
			if !known {
				return nil, fmt.Errorf("network: switch %q: no switch %q to link up to", s.Name, at)
			}
			if steps > len(c.Switches) {
				return nil, fmt.Errorf("network: switch %q: its uplinks go in a circle", s.Name)
			}
			at = up
		}
	}
	return parents, nil
}

func (l Link) validate() error {
	if l.BytesPerSecond < 0 || l.BytesPerSecond > 100e9 {
		return fmt.Errorf("bandwidth of %d bytes/s, need 1 to 100,000,000,000", l.BytesPerSecond)
	}
	if l.BufferBytes < 0 {
		return fmt.Errorf("buffer of %d bytes", l.BufferBytes)
	}
	return l.Latency.validate()
}

func (l Latency) validate() error {
	if l.Base < 0 || l.Jitter < 0 || l.TailMax < 0 || l.TailPPM < 0 || l.TailPPM > million {
		return fmt.Errorf("latency: a value is negative or a share above %d ppm", million)
	}
	return nil
}
