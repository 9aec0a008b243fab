// Package draw makes scenarios that nobody wrote: machines, what they are and what they are wired to, who asks them for
// something, and what goes wrong, from numbers that a source gives.
//
// Invariants: the same numbers give the same text; each text is a valid scenario, which picloud sim plays; small numbers give small
// and simple clouds, so that who searches for smaller numbers with which a scenario still fails finds a simpler one; within the limits of
// package chaos a correct cloud gets through each of them.
package draw

import (
	"fmt"
	"strings"

	"picloud/scenarios"
)

// Source gives numbers. The name says what for.
type Source interface {
	// Int returns a number from low to high.
	Int(name string, low, high int) int
}

// Tier is what a cloud is loaded through.
type Tier string

// The tiers, the cheapest first.
const (
	Map      Tier = "map"      // on one raft group
	Store    Tier = "store"    // of several groups, with databases
	Pinboard Tier = "pinboard" // with all that stands before the store
)

// Tiers returns all tiers.
func Tiers() []Tier { return []Tier{Map, Store, Pinboard} }

// Drawn is a scenario that was drawn.
type Drawn struct {
	Scenario *scenarios.Scenario
	Tier     Tier
}

// Scenario draws a scenario with a name, of one of the tiers.
func Scenario(from Source, name string, tiers ...Tier) (*Drawn, error) {
	d := &drawing{from: from, tier: one(from, "tier", tiers)}
	d.line("name: %s", name)
	d.line("moral: Nobody knows. It was drawn to find out.")
	switch d.tier {
	case Map:
		d.storeless()
	case Store:
		d.store()
	case Pinboard:
		d.pinboard()
	}
	s, err := scenarios.Parse(name+".yaml", []byte(d.text.String()))
	if err != nil {
		return nil, fmt.Errorf("a scenario was drawn that cannot be: %w\n%s", err, &d.text)
	}
	return &Drawn{s, d.tier}, nil
}

// drawing is a scenario under way.
type drawing struct {
	from Source
	tier Tier
	text strings.Builder

	switches int
	named    int // machines that are nodes
}

func (d *drawing) line(format string, args ...any) { fmt.Fprintf(&d.text, format+"\n", args...) }

func (d *drawing) int(name string, low, high int) int { return d.from.Int(name, low, high) }

func (d *drawing) yes(name string) bool { return d.int(name, 0, 1) == 1 }

// one draws one of a few things; the first is the simplest.
func one[T any](from Source, name string, of []T) T { return of[from.Int(name, 0, len(of)-1)] }

// some draws a few of many things, in the order in which they are drawn.
func some[T any](from Source, name string, of []T, least, most int) []T {
	rest := append([]T(nil), of...)
	var taken []T
	for range from.Int("how many "+name, min(least, len(of)), min(most, len(of))) {
		i := from.Int(name, 0, len(rest)-1)
		taken = append(taken, rest[i])
		rest = append(rest[:i], rest[i+1:]...)
	}
	return taken
}

// begin writes how long the run takes and the head of the topology.
func (d *drawing) begin(broken, healed int) {
	d.line("duration: %ds\nliveness: %ds\n", broken+healed, healed)
	d.switches = d.int("switches", 1, 3)
	var names []string
	for i := range d.switches {
		names = append(names, fmt.Sprintf("shelf-%d", i+1))
	}
	d.line("topology:\n  switches: [%s]\n  machines:", strings.Join(names, ", "))
}

// node adds a machine of a role, and returns its name.
func (d *drawing) node(role, program string) string {
	d.named++
	name := fmt.Sprintf("pi-%d", d.named)
	d.machine(name, role, program, one(d.from, "card", []string{"ssd", "sd-good", "sd-a1"}))
	return name
}

// nodes adds machines of a role.
func (d *drawing) nodes(role, program string, low, high int) (names []string) {
	for range d.int("machines of "+role, low, high) {
		names = append(names, d.node(role, program))
	}
	return names
}

func (d *drawing) machine(name, role, program, card string) {
	d.line("    - {name: %s, role: %s, program: %s, switch: shelf-%d, card: %s, cores: 4, memory: 1GiB}",
		name, role, program, d.int("switch", 1, d.switches), card)
}

// members are in each group.
const members = 3

// groups draws the members of groups, three of the nodes each, and returns them as they stand in a file.
func (d *drawing) groups(nodes []string, most int) string {
	var all []string
	for range d.int("groups", 1, most) {
		all = append(all, "["+strings.Join(some(d.from, "member", nodes, members, members), ", ")+"]")
	}
	return "[" + strings.Join(all, ", ") + "]"
}
