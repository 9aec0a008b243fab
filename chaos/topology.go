package chaos

import (
	"fmt"
	"slices"
	"time"
)

// Machine is a machine as a schedule sees it.
type Machine struct {
	Name   string
	Role   string
	Switch string // what it is wired to
	Batch  string // in which its processor was made; empty if nobody says

	Board    bool          // it has a modelled one
	Fed      bool          // by a relay
	Watchdog time.Duration // after which it is reset when its node does not live; zero if it is not
}

// Topology is what faults can be aimed at.
type Topology struct {
	Switches []string // the first is the root, to which all others are wired
	Machines []Machine
	Groups   [][]string // the members with which the store's groups begin; nil if nobody knows who leads them
}

// Names returns the names of all machines in the order of the topology.
func (t *Topology) Names() []string {
	names := make([]string, len(t.Machines))
	for i, m := range t.Machines {
		names[i] = m.Name
	}
	return names
}

// OfRole returns the names of the machines that have one of the roles.
func (t *Topology) OfRole(roles ...string) []string {
	var names []string
	for _, m := range t.Machines {
		if slices.Contains(roles, m.Role) {
			names = append(names, m.Name)
		}
	}
	return names
}

// OnSwitch returns the names of the machines that are wired to a switch.
func (t *Topology) OnSwitch(name string) []string {
	var names []string
	for _, m := range t.Machines {
		if m.Switch == name {
			names = append(names, m.Name)
		}
	}
	return names
}

// sameBatch returns those of some machines whose processors were made together with that of the first of them, in order. Of one of which nobody
// says it, that is itself.
func (t *Topology) sameBatch(names []string) []string {
	batch := func(name string) string {
		i := slices.IndexFunc(t.Machines, func(m Machine) bool { return m.Name == name })
		return t.Machines[i].Batch
	}
	of := batch(names[0])
	return sorted(slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return name != names[0] && (of == "" || batch(name) != of)
	}))
}

// shelf returns the switch that a machine is wired to.
func (t *Topology) shelf(machine string) string {
	i := slices.IndexFunc(t.Machines, func(m Machine) bool { return m.Name == machine })
	return t.Machines[i].Switch
}

// Check says which fault of a schedule aims at something that is not there or has not what it breaks, or which two undo each other.
func (t *Topology) Check(s Schedule) error {
	for i := range s {
		f := &s[i]
		known, what := t.Names(), "machine"
		if f.Target.Type == OnSwitch {
			known, what = t.Switches, "switch"
		}
		for _, name := range slices.Concat(f.Target.A, f.Target.B) {
			if p, is, _ := ParsePart(name); is {
				if p.Group >= len(t.Groups) {
					return fmt.Errorf("the fault `%s` aims at %s, and %s", f, p, t.whoKnows())
				}
				continue
			}
			if name != "*" && !slices.Contains(known, name) {
				return fmt.Errorf("the fault `%s` aims at an unknown %s %q%s", f, what, name,
					DidYouMean(name, known))
			}
		}
		if err := t.lacking(f); err != nil {
			return err
		}
	}
	return undoing(s)
}

// whoKnows says why nobody can say who has a part in a group.
func (t *Topology) whoKnows() string {
	if len(t.Groups) == 0 {
		return "nobody can say here who that is: name a machine"
	}
	return fmt.Sprintf("the groups are 0 to %d", len(t.Groups)-1)
}

// Pairs returns the directed pairs of machines that a link or two sides stand for, with the
// wildcard filled in. Sides give both directions.
func (t *Topology) Pairs(target Target) [][2]string {
	if target.Type != OnLink && target.Type != OnSides {
		return nil
	}
	a, b := t.expand(target.A, target.B), t.expand(target.B, target.A)
	var pairs [][2]string
	for _, from := range a {
		for _, to := range b {
			if from == to {
				continue
			}
			pairs = append(pairs, [2]string{from, to})
			if target.Type == OnSides {
				pairs = append(pairs, [2]string{to, from})
			}
		}
	}
	return pairs
}

func (t *Topology) expand(side, other []string) []string {
	if len(side) != 1 || side[0] != "*" {
		return side
	}
	var names []string
	for _, m := range t.Machines {
		if !slices.Contains(other, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

// joins says whether others than those on a switch reach one another through it: it is the root, and they are on several.
func (t *Topology) joins(name string) bool {
	if len(t.Switches) == 0 || name != t.Switches[0] {
		return false
	}
	one := ""
	for _, m := range t.Machines {
		if m.Switch != name && m.Switch != one && one != "" {
			return true
		}
		if m.Switch != name {
			one = m.Switch
		}
	}
	return false
}

// behind returns the machines that a fault of a switch touches: those on it, or all if it is about what passes the switch and others reach one
// another through it.
func (t *Topology) behind(f *Fault) []string {
	name := f.Target.A[0]
	if passing := f.Kind == SwitchDark || f.Kind == BroadcastStorm || f.Kind == Incast; passing && t.joins(name) {
		return t.Names()
	}
	return t.OnSwitch(name)
}

// Touched returns the machines that a fault touches, in the order of the topology: those at which it is aimed, and those that it parts from one
// another.
func (t *Topology) Touched(f *Fault) []string {
	var names []string
	switch target := f.Target; target.Type {
	case OnSwitch:
		return t.behind(f)
	case OnLink, OnSides:
		names = slices.Concat(t.expand(target.A, target.B), t.expand(target.B, target.A))
	default:
		names = f.hit()
	}
	var sorted []string
	for _, m := range t.Machines {
		if slices.Contains(names, m.Name) {
			sorted = append(sorted, m.Name)
		}
	}
	return sorted
}

// hit returns the machines that a fault names, but for the one whose card is only read for a copy of it.
func (f *Fault) hit() []string {
	if f.Kind == DiskClone {
		return f.Target.A[1:]
	}
	return f.Target.A
}

// aimedAt returns the machines that a fault names, or those of the switch that it names. Of a link it is the end that sends.
func (t *Topology) aimedAt(f *Fault) []string {
	switch f.Target.Type {
	case OnSwitch:
		return t.OnSwitch(f.Target.A[0])
	case OnMachines:
		return f.Target.A
	}
	return f.Target.A[:1]
}

// Touches says whether a fault touches a machine, alone or among others.
func (t *Topology) Touches(f *Fault, machine string) bool {
	return slices.Contains(t.Touched(f), machine)
}
