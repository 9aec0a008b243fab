package cause

import (
	"fmt"
	"strings"
)

// String explains the report to people.
func (r *Report) String() string {
	var b strings.Builder
	of := len(r.Seeds)
	fmt.Fprintf(&b, "%s, seed %d, fails %s; so do %d of the seeds %v with the same faults.\n", r.Scenario, r.Seed, r.Check, r.Fails, r.Seeds)
	fmt.Fprintf(&b, "\nWhich faults mattered: how many of the %d seeds still fail\n", of)
	if len(r.Faults) == 0 {
		b.WriteString("  there are none\n")
	}
	for i := range r.Faults {
		f := &r.Faults[i]
		fmt.Fprintf(&b, "  %-10s  %s\n", f.Mattered, f.Fault)
		r.changes(&b, f.Changes)
	}
	if len(r.Parts) > 0 {
		b.WriteString("\nWhich parts mattered\n")
		r.changes(&b, r.Parts)
	}
	if len(r.Moments) > 0 {
		b.WriteString("\nWhen it was certain: what fails if no fault begins from a moment on, and those there are are healed then\n")
	}
	for _, m := range r.Moments {
		check := m.Check
		if check == "" {
			check = "nothing"
		}
		fmt.Fprintf(&b, "  %9s  after %d of %d faults  %s\n", m.At, m.Faults, len(r.Faults), check)
	}
	switch {
	case r.Certain != nil:
		fmt.Fprintf(&b, "\nAt %s it could still be prevented; from %s on it is certain. %d runs.\n", r.Certain.Not, r.Certain.From, r.Runs)
	case len(r.Faults) == 0 || len(r.Moments) > 0:
		fmt.Fprintf(&b, "\nIt fails without any fault. %d runs.\n", r.Runs)
	}
	return b.String()
}

func (r *Report) changes(b *strings.Builder, all []Change) {
	for _, c := range all {
		own := "the run's own does not"
		if c.Own {
			own = "the run's own does"
		}
		fmt.Fprintf(b, "      %d of %d, %-22s  %s\n", c.Fails, len(r.Seeds), own, c.What)
	}
}
