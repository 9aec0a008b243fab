package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Aim is a share of the faults that are not left to chance: they hit where a system is weakest.
type Aim struct {
	At    string // AtLeader, AtMinority, AtMajority, AtShelf, or AtTier and a role: "tier:lb"
	Share int64  // of the faults that hit machines or links, in ppm
}

// What faults can be aimed at.
const (
	AtLeader   = "leader"   // whoever leads a group when the fault is due
	AtMinority = "minority" // as many members of a group as leave it a majority, all at once
	AtMajority = "majority" // as many as take its majority away, all at once: within the limits only if they allow that
	AtShelf    = "shelf"    // all machines behind one switch, all at once
	AtTier     = "tier:"    // all machines of a role, all at once
)

// KnowsAim says why faults cannot be aimed at what has such a name.
func (c *Config) KnowsAim(name string) error {
	known := []string{AtLeader, AtMinority, AtMajority, AtShelf}
	for _, r := range c.Roles {
		known = append(known, AtTier+r)
	}
	if !slices.Contains(known, name) {
		return fmt.Errorf("no fault can be aimed at %q%s: there are %s", name, DidYouMean(name, known), strings.Join(known, ", "))
	}
	return nil
}

func (c *Config) validateAims() error {
	var sum int64
	for i, a := range c.Aims {
		tier := strings.HasPrefix(a.At, AtTier)
		if err := c.KnowsAim(a.At); err != nil {
			return err
		}
		switch {
		case !tier && a.At != AtShelf && len(c.Topology.Groups) == 0:
			return fmt.Errorf("faults are aimed at a %s, and there is no group", a.At)
		case a.Share < 1 || a.Share > ppmAll:
			return fmt.Errorf("%d ppm of the faults are aimed at a %s, it must be 1 to %d", a.Share, a.At, ppmAll)
		case slices.ContainsFunc(c.Aims[:i], func(b Aim) bool { return b.At == a.At }):
			return fmt.Errorf("the aim %s stands twice", a.At)
		}
		sum += a.Share
	}
	if sum > ppmAll {
		return fmt.Errorf("%d ppm of the faults are aimed, which is more than there are", sum)
	}
	return nil
}

// aimed returns what is made of a drawn fault: itself, or faults of the same kind and time at what its share is aimed at. It
// draws from streams of its own, so that faults that are not aimed stay as they are.
func (g *generator) aimed(f Fault, name string) []Fault {
	if len(g.Aims) > 0 {
		r := g.stream("aim/" + name)
		left := r.Int64N(ppmAll)
		for _, a := range g.Aims {
			if left -= a.Share; left < 0 {
				return g.aim(r, a.At, f)
			}
		}
	}
	return []Fault{f}
}

// aim returns a fault for each machine that is aimed at, or one for all of them where the kind can have that.
func (g *generator) aim(r *rand.Rand, at string, f Fault) []Fault {
	names := g.aimedAt(r, at, g.fallible(f.Kind))
	// What a card held before is kept when nobody knows yet who will lead.
	known := f.Kind == DiskRestore || g.Topology.partLacks(f.needs()) != ""
	set := f.Kind == PartitionMinority || f.Kind == SwizzleClog // a processor lies with its batch, whoever that is
	switch t := f.Target.Type; {
	case len(names) == 0:
	case at == AtLeader && known: // it wants a machine that is known before
	case t == OnMachine:
		var all []Fault
		for _, name := range names {
			f.Target = AtMachine(name)
			all = append(all, f)
		}
		return all
	case t == OnMachines && set:
		f.Target = AtMachines(names...)
	case t == OnLink && r.IntN(2) == 0:
		f.Target = Target{Type: OnLink, A: names, B: []string{"*"}}
	case t == OnLink:
		f.Target = Target{Type: OnLink, A: []string{"*"}, B: names}
	}
	return []Fault{f}
}

// fallible returns the members that faults of a kind may hit.
func (c *Config) fallible(k Kind) []string {
	spec, _ := Lookup(k)
	roles := c.Roles
	if len(c.DiskRoles) > 0 && spec.Class == ClassDisk {
		roles = c.DiskRoles
	}
	return c.Topology.with(spec.Needs, c.Topology.OfRole(roles...))
}

// aimedAt draws what is aimed at, of the machines that may be hit.
func (g *generator) aimedAt(r *rand.Rand, at string, from []string) []string {
	among := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(from, name) })
	}
	if role, is := strings.CutPrefix(at, AtTier); is {
		return among(g.Topology.OfRole(role))
	}
	if at == AtShelf {
		shelves := slices.DeleteFunc(slices.Clone(g.Topology.Switches), func(s string) bool { return len(among(g.Topology.OnSwitch(s))) == 0 })
		if len(shelves) == 0 {
			return nil
		}
		return among(g.Topology.OnSwitch(shelves[r.IntN(len(shelves))]))
	}
	group := r.IntN(len(g.Topology.Groups))
	if at == AtLeader {
		return []string{Part{Leader, group}.String()}
	}
	members := among(g.Topology.Groups[group])
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	few := Minority.Of(len(members))
	if at == AtMajority {
		few = len(members) - few
	}
	return sorted(members[:few])
}
