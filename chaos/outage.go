package chaos

import "slices"

// Outage is the moment of a schedule at which the most members are out.
type Outage struct {
	Fault Fault    // with which it begins
	Out   []string // the members that cannot be counted on then
}

// WorstOutage returns the worst moment of a schedule, as the generator's limits count members that are out.
func (t *Topology) WorstOutage(s Schedule, members []string) (worst Outage) {
	l := ledger{top: t, members: members}
	for i := range s {
		var out []string
		for k := range s {
			if s[k].At <= s[i].At && s[i].At <= s[k].End() {
				spec, _ := Lookup(s[k].Kind)
				out = l.out(&s[k], spec, out)
			}
		}
		if len(out) > len(worst.Out) {
			slices.Sort(out)
			worst = Outage{s[i], out}
		}
	}
	return worst
}
