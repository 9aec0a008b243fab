package chaos

import "slices"

// Outage is the moment of a schedule at which the most members are out.
type Outage struct {
	Fault Fault    // with which it begins
	Out   []string // the members that cannot be counted on then
}

// WorstOutage returns the worst moment of a schedule, as the generator's limits count members that are out. Those count, too, that
// several faults together cut off from a majority, although each alone would not; those that recover from what has healed; and those to
// which each packet is lost or spoilt.
func (t *Topology) WorstOutage(s Schedule, members []string) (worst Outage) {
	l := ledger{top: t, members: members, limits: DefaultLimits()}
	for i := range s {
		var out []string
		broken := map[[2]string]bool{}
		for k := range s {
			if s[k].At <= s[i].At && s[i].At <= s[k].End()+l.limits.Recovery {
				spec := outOf(&s[k])
				out = l.out(&s[k], spec, out)
				if !spec.Out || s[k].Target.ByPart() { // who has a part is not known
					continue
				}
				for _, way := range t.Ways(&s[k]) {
					broken[way], broken[[2]string{way[1], way[0]}] = true, true
				}
			}
		}
		out = append(out, l.cutOff(out, broken)...)
		if len(out) > len(worst.Out) {
			slices.Sort(out)
			worst = Outage{s[i], out}
		}
	}
	return worst
}

// cutOff returns the members that are not out, and reach no majority of members.
func (l *ledger) cutOff(out []string, broken map[[2]string]bool) (more []string) {
	in := without(l.members, out)
	for _, m := range in {
		reached := 1
		for _, other := range in {
			if other != m && !broken[[2]string{m, other}] {
				reached++
			}
		}
		if len(broken) > 0 && reached <= len(l.members)/2 {
			more = append(more, m)
		}
	}
	return more
}

// outOf returns the kind of a fault, as one that takes its target out if nothing gets through it whole. No generator draws it so.
func outOf(f *Fault) *Spec {
	spec, _ := Lookup(f.Kind)
	if (f.Kind == NetLoss || f.Kind == NetCorrupt) && f.Param("rate") == ppmAll {
		all := *spec
		all.Out = true
		return &all
	}
	return spec
}
