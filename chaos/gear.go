package chaos

import (
	"fmt"
	"slices"
)

// Gear is what a machine must have for a fault to break it.
type Gear string

// The gear, as it stands in messages.
const (
	GearBoard Gear = "board" // a modelled one
	GearRelay Gear = "relay that feeds it"
)

// has says whether a machine has what a fault breaks.
func (m *Machine) has(g Gear) bool {
	switch g {
	case GearBoard:
		return m.Board
	case GearRelay:
		return m.Fed
	}
	return true
}

// needs returns what each machine that the fault hits must have, or one of its switch; empty if that is nothing.
func (f *Fault) needs() Gear {
	spec, known := Lookup(f.Kind)
	if !known {
		return ""
	}
	if f.Kind == CPULies && slices.ContainsFunc(f.Params, func(p Param) bool { return p.Name == "above" && p.Value > 0 }) {
		return GearBoard // which says how hot the processor is
	}
	return spec.Needs
}

// with returns those of some machines that have what faults of a kind break.
func (t *Topology) with(g Gear, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(t.Machines, func(m Machine) bool { return m.Name == name && !m.has(g) })
	})
}

// partLacks returns a machine that may have a part in a group and has not what a fault breaks; empty if there is none. Members move, so whoever has a
// board may be one.
func (t *Topology) partLacks(g Gear) string {
	members := slices.Concat(t.Groups...)
	for _, m := range t.Machines {
		if !m.has(g) && (m.Board || slices.Contains(members, m.Name)) {
			return m.Name
		}
	}
	return ""
}

// lacking says why a fault finds nothing to break.
func (t *Topology) lacking(f *Fault) error {
	g := f.needs()
	if g == "" {
		return nil
	}
	if f.Target.Type == OnSwitch {
		if len(t.with(g, t.OnSwitch(f.Target.A[0]))) == 0 {
			return fmt.Errorf("the fault `%s` needs a %s, and on %s stands none", f, g, f.Target.A[0])
		}
		return nil
	}
	if lacks := t.partLacks(g); f.Target.ByPart() && lacks != "" {
		return fmt.Errorf("the fault `%s` needs a %s, and %s, which may be who that is, has none", f, g, lacks)
	}
	for _, name := range f.Target.A {
		if len(t.with(g, []string{name})) == 0 {
			return fmt.Errorf("the fault `%s` needs a %s, and %s has none", f, g, name)
		}
	}
	return nil
}
