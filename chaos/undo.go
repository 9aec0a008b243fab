package chaos

import (
	"fmt"
	"slices"
)

// undoing says of which two faults of a schedule the end of the one undoes the other, which still stands. Those of which one begins when the other
// ends are played in that order.
func undoing(s Schedule) error {
	for i := range s {
		f := &s[i]
		spec, known := Lookup(f.Kind)
		if !known || spec.Sets == "" {
			continue
		}
		for k := range s[:i] {
			g := &s[k]
			if other, known := Lookup(g.Kind); !known || other.Sets != spec.Sets || f.At >= g.End() || g.At >= f.End() {
				continue
			}
			if of := shared(f.Target, g.Target); of != "" {
				return fmt.Errorf("the faults `%s` and `%s` overlap, and both set %s of %s: when one ends it undoes the other", g, f, spec.Sets, of)
			}
		}
	}
	return nil
}

// shared returns what two faults on machines or switches both hit. Who has a part may be any machine.
func shared(a, b Target) string {
	for _, name := range a.A {
		if slices.Contains(b.A, name) {
			return name
		}
	}
	if a.ByPart() || b.ByPart() {
		return "what may be one machine"
	}
	return ""
}
