package scenarios

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"picloud/chaos"
	"picloud/hw"
	"picloud/hw/twin"
)

// Hardware is the boards of the machines that are nodes, what they stand in and what feeds them. Without it no machine has a board.
type Hardware struct {
	Air     *int             `yaml:"air"`     // °C of the room; 22 if it is left out
	Default Board            `yaml:"default"` // what a node has
	Boards  map[string]Board `yaml:"boards"`  // by machine, where it is not the default
	Shelves map[string]Shelf `yaml:"shelves"` // by switch, where they are not open and their supply is not ample
	Relays  []Relay          `yaml:"relays"`
}

// Board is a modelled Pi. What is left out is as in the default.
type Board struct {
	Model   string `yaml:"model"`   // pi-3b, pi-3b+, pi-4b or pi-5
	Cooling string `yaml:"cooling"` // bare, heatsink or fan
	Cable   int    `yaml:"cable"`   // resistance of the supply's cable, mΩ
	Batch   string `yaml:"batch"`   // in which its processor was made
}

// Shelf is what the machines on a switch stand on.
type Shelf struct {
	Watts  int `yaml:"watts"`  // that its supply gives; 15 for each board if it is left out
	Closed int `yaml:"closed"` // how much warmer the air in it is for each watt that is used there, thousandths of a degree
}

// Relay is a relay that can cut a machine off.
type Relay struct {
	Feeds  string `yaml:"feeds"`  // the machine
	Owner  string `yaml:"owner"`  // the machine that drives it
	Backup string `yaml:"backup"` // the one that does when the owner cannot
}

// boardCores is how many cores all models have.
const boardCores = 4

// boardOf returns the board of a machine, and whether it has one.
func (s *Scenario) boardOf(m *Machine) (Board, bool) {
	if s.Hardware == nil || m.Role == RoleClient || m.Role == RoleMonitor {
		return Board{}, false
	}
	b, d := s.Hardware.Boards[m.Name], s.Hardware.Default
	return Board{Model: cmp.Or(b.Model, d.Model), Cooling: cmp.Or(b.Cooling, d.Cooling), Cable: cmp.Or(b.Cable, d.Cable), Batch: cmp.Or(b.Batch, d.Batch)}, true
}

// aimable returns a machine as faults are aimed at it. A defence that is switched off changes nothing of it, so that the same faults come.
func (s *Scenario) aimable(m *Machine) chaos.Machine {
	b, has := s.boardOf(m)
	a := chaos.Machine{Name: m.Name, Role: m.Role, Switch: m.Switch, Batch: b.Batch, Board: has, Fed: s.fed(m.Name)}
	if role := s.Roles[m.Role]; has && role != nil {
		a.Watchdog = role.Watchdog.Duration
	}
	return a
}

// fed tells whether a relay that is wired to some board feeds a machine.
func (s *Scenario) fed(machine string) bool {
	return slices.ContainsFunc(s.Topology.Machines, func(m Machine) bool {
		c := s.Equipment(m.Name)
		return slices.ContainsFunc(slices.Concat(c.Relays, c.BackupRelays), func(r hw.Relay) bool { return r.Feeds == machine })
	})
}

func (s *Scenario) validateHardware() error {
	h := s.Hardware
	if h == nil {
		return nil
	}
	if h.Air != nil && (*h.Air < -20 || *h.Air > 60) {
		return wrong("hardware.air", "%d °C, it must be -20 to 60", *h.Air)
	}
	boards := map[string]bool{}
	for i := range s.Topology.Machines {
		m := &s.Topology.Machines[i]
		if _, has := s.boardOf(m); !has {
			continue
		}
		if m.Cores != boardCores { // how many are in use its board says, whatever stands there
			return wrong(fmt.Sprintf("topology.machines[%d].cores", i), "%s has a board, and so %d cores, not %d", m.Name, boardCores, m.Cores)
		}
		boards[m.Name] = true
	}
	known := slices.Sorted(maps.Keys(boards))
	for _, name := range slices.Sorted(maps.Keys(h.Boards)) {
		if !boards[name] {
			return wrong("hardware.boards."+name, "no node has this name%s", chaos.DidYouMean(name, known))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Shelves)) {
		if !slices.Contains(s.Topology.Switches, name) {
			return wrong("hardware.shelves."+name, "no switch has this name%s", chaos.DidYouMean(name, s.Topology.Switches))
		}
		if shelf := h.Shelves[name]; shelf.Watts < 0 || shelf.Closed < 0 || shelf.Closed > 10_000 {
			return wrong("hardware.shelves."+name, "%d W and %d mK for each are not what shelves have", shelf.Watts, shelf.Closed)
		}
	}
	fed, drives := map[string]bool{}, map[string]int{}
	for i, r := range h.Relays {
		path := fmt.Sprintf("hardware.relays[%d]", i)
		named := []string{r.Feeds, r.Owner}
		if r.Backup != "" {
			named = append(named, r.Backup)
		}
		for _, name := range named {
			if !boards[name] {
				return wrong(path, "no node has the name %q%s", name, chaos.DidYouMean(name, known))
			}
		}
		if fed[r.Feeds] || r.Feeds == r.Owner || r.Feeds == r.Backup || r.Owner == r.Backup {
			return wrong(path, "a machine has one relay, which others drive")
		}
		fed[r.Feeds] = true
		for _, name := range named[1:] {
			if drives[name]++; drives[name] > len(relayPins()) {
				return wrong(path, "%s has pins for %d relays, as owner or backup", name, len(relayPins()))
			}
		}
	}
	for i := range s.Topology.Machines {
		m := &s.Topology.Machines[i]
		if _, err := s.Twin(m, 0); err != nil {
			return wrong("hardware", "%s: %s", m.Name, err)
		}
	}
	return nil
}

// Twin returns the modelled Pi of a machine; nil if it has none. Its serial number and its thermometer's noise come from the seed.
func (s *Scenario) Twin(m *Machine, seed uint64) (*twin.Config, error) {
	b, has := s.boardOf(m)
	if !has {
		return nil, nil
	}
	model, err := twin.ParseModel(b.Model)
	if err != nil {
		return nil, err
	}
	cooling, err := twin.ParseCooling(b.Cooling)
	if err != nil {
		return nil, err
	}
	c := &twin.Config{Name: m.Name, Model: model, Cooling: cooling, CableMilliohms: int64(b.Cable), Equipment: s.Equipment(m.Name), Seed: seed,
		StrictPins: true} // as hw/README.md has relays wired
	return c, c.Validate()
}

// relayPins are the pins that relays are wired to, and firstMeter is the first address of the meters beside them: the n-th relay of a
// machine has the n-th of each.
func relayPins() []string {
	return []string{"GPIO17", "GPIO27", "GPIO22", "GPIO23", "GPIO24", "GPIO25"}
}

const firstMeter = 0x40

// Equipment returns what is wired to a machine: for each relay a pin that drives it and a chip that measures what goes through it.
func (s *Scenario) Equipment(machine string) hw.Config {
	var c hw.Config
	if s.Hardware == nil {
		return c
	}
	for _, r := range s.Hardware.Relays {
		if machine != r.Owner && machine != r.Backup {
			continue
		}
		n := len(c.Relays) + len(c.BackupRelays)
		relay := hw.Relay{Feeds: r.Feeds, Pin: relayPins()[n]}
		if machine == r.Owner {
			c.Relays = append(c.Relays, relay)
		} else {
			c.BackupRelays = append(c.BackupRelays, relay)
		}
		c.Meters = append(c.Meters, hw.Meter{Of: r.Feeds, Chip: "ina219", Address: firstMeter + uint16(n)})
	}
	return c
}
