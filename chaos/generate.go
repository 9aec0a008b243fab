package chaos

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// KindRate says how often a kind is drawn.
type KindRate struct {
	Kind  Kind
	Every time.Duration // mean time between two faults of the kind, before the swarm changes it
}

// Config is what the generator makes a schedule from, beside the seed.
type Config struct {
	Topology Topology
	// Roles of the machines that faults of the process, clock and disk classes hit and that the
	// limits count: the members.
	Roles []string
	// DiskRoles are those of the members whose disks fail: all if it is empty. A disk on which nobody keeps anything
	// makes no fault felt.
	DiskRoles []string
	// No fault starts before Start, and all are healed at End.
	Start, End time.Duration
	Kinds      []KindRate
	// Required kinds occur at least once in every schedule.
	Required []Kind
	// SwarmRate is the chance, in ppm, that a kind which is not required takes part for a seed.
	SwarmRate int64
	Limits    Limits
	Aims      []Aim // none if no fault is aimed
}

// shortestGap bounds how many faults of a kind are drawn.
const shortestGap = 10 * time.Millisecond

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	if c.Start < 0 || c.End <= c.Start {
		return fmt.Errorf("faults start at %s and end at %s: there is no time for them",
			seconds(c.Start), seconds(c.End))
	}
	if c.SwarmRate < 0 || c.SwarmRate > ppmAll {
		return fmt.Errorf("the swarm rate is %d ppm, it must be 0 to %d", c.SwarmRate, ppmAll)
	}
	if len(c.Topology.OfRole(c.Roles...)) == 0 {
		return fmt.Errorf("no machine has a role in %q, faults have nothing to hit", c.Roles)
	}
	for _, role := range c.DiskRoles {
		if !slices.Contains(c.Roles, role) || len(c.Topology.OfRole(role)) == 0 {
			return fmt.Errorf("the disks of the role %q fail, and no member has it", role)
		}
	}
	var names []string
	for _, k := range c.Kinds {
		if _, ok := Lookup(k.Kind); !ok {
			return unknownKind(k.Kind)
		}
		if k.Every < shortestGap {
			return fmt.Errorf("%s every %s is too often, the shortest is %s", k.Kind, k.Every,
				shortestGap)
		}
		if slices.Contains(names, string(k.Kind)) {
			return fmt.Errorf("%s stands twice among the kinds", k.Kind)
		}
		names = append(names, string(k.Kind))
	}
	for _, k := range c.Required {
		if !slices.Contains(names, string(k)) {
			return fmt.Errorf("%q is required but not among the kinds%s", k,
				DidYouMean(string(k), names))
		}
		if spec, _ := Lookup(k); len(c.fallible(k)) == 0 {
			return fmt.Errorf("%s is required, and no machine that faults may hit has a %s", k, spec.Needs)
		}
	}
	return errors.Join(c.validateAims(), c.Limits.Validate())
}

// Generate makes a schedule. Everything random comes from streams, one for each name: the n-th
// fault of a kind draws from a stream of its own, so adding or leaving out a kind changes no
// draw of another. A drawn fault that would break the limits is left out.
func Generate(c Config, stream func(name string) *rand.Rand) (Schedule, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := generator{Config: c, stream: stream}
	g.members = c.Topology.OfRole(c.Roles...)
	g.ledger = ledger{top: &g.Topology, members: g.members, limits: c.Limits,
		storm: chance(stream("swarm/storm"), c.Limits.StormRate)}
	for _, k := range c.Required {
		if !g.require(k) {
			return nil, fmt.Errorf("the required fault %s finds no place between %s and %s "+
				"within the limits",
				k, seconds(c.Start), seconds(c.End))
		}
	}
	for _, faults := range g.candidates() {
		g.ledger.admit(false, g.withCompanions(faults)...)
	}
	s := g.ledger.admitted
	s.Sort()
	return s, nil
}

// Drawn returns the kinds that a schedule of the configuration can have, in its order: those for which topology, time and limits
// leave room. What happens must not depend on it: it draws from a stream of its own.
func (c *Config) Drawn() []Kind {
	const tries = 100
	g := generator{Config: *c, members: c.Topology.OfRole(c.Roles...)}
	r := rand.New(rand.NewPCG(1, 1))
	fits := func(k KindRate) bool {
		for i := range tries {
			storm := c.Limits.StormRate == ppmAll || c.Limits.StormRate > 0 && i%2 == 0
			l := ledger{top: &g.Topology, members: g.members, limits: c.Limits, storm: storm}
			if f, ok := g.draw(r, k.Kind, g.Start+uniform(r, g.End-g.Start), false); ok && l.admit(false, f) {
				return true
			}
		}
		return false
	}
	var all []Kind
	for _, k := range c.Kinds {
		if fits(k) {
			all = append(all, k.Kind)
		}
	}
	return all
}

type generator struct {
	Config
	stream  func(string) *rand.Rand
	members []string
	ledger  ledger
}

// require places one fault of a kind. Several tries are needed when the limits leave little room.
func (g *generator) require(k Kind) bool {
	const tries = 1000
	r := g.stream("required/" + string(k))
	for try := range tries {
		at := g.Start + uniform(r, g.End-g.Start)
		f, ok := g.draw(r, k, at, true)
		if ok && g.ledger.admit(true, g.withCompanions(g.aimed(f, fmt.Sprintf("required/%s/%d", k, try)))...) {
			return true
		}
	}
	return false
}

// candidates draws the faults of all kinds that take part, in canonical order. Each kind has
// its time cut into slots and draws one fault in each, so no draw depends on an earlier one. One that is aimed may become
// several that happen together or not at all.
func (g *generator) candidates() [][]Fault {
	var all [][]Fault
	for _, k := range g.Kinds {
		r := g.stream("swarm/" + string(k.Kind))
		takesPart := chance(r, g.SwarmRate) || slices.Contains(g.Required, k.Kind)
		every := k.Every * time.Duration(logUniform(r, 25, 400)) / 100
		if !takesPart {
			continue
		}
		for i := 0; ; i++ {
			slot := g.Start + time.Duration(i)*every
			if slot >= g.End {
				break
			}
			name := string(k.Kind) + "/" + strconv.Itoa(i)
			r := g.stream("fault/" + name)
			if f, ok := g.draw(r, k.Kind, slot+uniform(r, every), false); ok {
				all = append(all, g.aimed(f, name))
			}
		}
	}
	slices.SortFunc(all, func(a, b []Fault) int { return compareFaults(a[0], b[0]) })
	return all
}

// withCompanions adds the faults that make others felt: a card that nobody reads, because
// the page cache knows it all, has no read errors.
func (g *generator) withCompanions(faults []Fault) []Fault {
	var all []Fault
	for _, f := range faults {
		all = append(all, f)
		switch f.Kind {
		case DiskReadError, DiskShortRead, DiskCorruptRead, DiskMisdirectedRead, DiskRot:
			all = append(all, Fault{At: f.At, Kind: DiskEvict, Target: f.Target})
		}
	}
	return all
}

// draw makes a fault of a kind at about a time. It tells whether the topology and the time left
// allow one.
func (g *generator) draw(r *rand.Rand, k Kind, at time.Duration, required bool) (Fault, bool) {
	spec, _ := Lookup(k)
	f := Fault{At: at.Truncate(time.Millisecond), Kind: k}
	if !spec.Instant() {
		longest := min(spec.MaxFor, g.End-f.At)
		if g.Limits.Longest > 0 {
			longest = min(longest, max(g.Limits.Longest, spec.MinFor))
		}
		if longest < spec.MinFor {
			return Fault{}, false
		}
		ms := logUniform(r, int64(spec.MinFor/time.Millisecond), int64(longest/time.Millisecond))
		f.For = time.Duration(rounded(ms)) * time.Millisecond
	}
	for _, p := range spec.Params {
		if p.Words != nil {
			f.Params = append(f.Params, Param{p.Name, r.Int64N(int64(len(p.Words)))})
			continue
		}
		value := rounded(logUniform(r, p.Low, p.Top))
		if p.Min < 0 && r.IntN(2) == 0 {
			value = max(-value, p.Min)
		}
		f.Params = append(f.Params, Param{p.Name, value})
	}
	var ok bool
	f.Target, ok = g.target(r, spec, required)
	return f, ok && f.At >= g.Start && f.End() <= g.End
}

func (g *generator) target(r *rand.Rand, spec *Spec, required bool) (Target, bool) {
	members := g.fallible(spec.Kind)
	if len(members) == 0 {
		return Target{}, false
	}
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	few := Minority.Of(len(members))
	switch spec.Target {
	case OnMachine:
		return AtMachine(members[0]), true
	case OnLink:
		return g.link(r, members[0], required)
	case OnSwitch:
		switches := g.Topology.Switches
		if spec.Class == ClassHardware { // where only those live who use the cloud, nothing of the cloud's breaks
			switches = slices.DeleteFunc(slices.Clone(switches), func(name string) bool {
				return !slices.ContainsFunc(members, func(m string) bool { return g.Topology.shelf(m) == name })
			})
		}
		if len(switches) == 0 || spec.Kind == UplinkCut && len(switches) < 2 {
			return Target{}, false
		}
		return AtSwitch(switches[r.IntN(len(switches))]), true
	case OnSides:
		return Target{Type: OnSides, A: sorted(members[few:]), B: sorted(members[:few])}, few > 0
	}
	switch spec.Kind {
	case PartitionMinority, SwizzleClog:
		if few == 0 {
			return Target{}, false
		}
		return AtMachines(members[:1+r.IntN(few)]...), true
	}
	if spec.Kind == NTPLies {
		shelf := g.Topology.shelf(members[0])
		return AtMachines(slices.DeleteFunc(sorted(members), func(name string) bool { return g.Topology.shelf(name) != shelf })...), true
	}
	if spec.Kind == CPULies {
		return AtMachines(g.Topology.sameBatch(members)...), true
	}
	if spec.Class == ClassDisk { // their cards change places
		return AtMachines(members[:min(2, len(members))]...), len(members) >= 2
	}
	least := 3 // a bridge has two sides
	if spec.Kind == PartitionRing {
		least = 4 // of three each machine sees both others
	}
	return AtMachines(members...), len(members) >= least
}

// link draws one direction between a member and another machine, or all that a member sends, or
// all that it gets. A required fault is one of the latter two, as a single link may be idle.
func (g *generator) link(r *rand.Rand, member string, required bool) (Target, bool) {
	others := without(g.Topology.Names(), []string{member})
	if len(others) == 0 {
		return Target{}, false
	}
	other := others[r.IntN(len(others))]
	if shape := r.IntN(4); shape < 2 || required {
		other = "*"
	}
	if r.IntN(2) == 0 {
		return AtLink(member, other), true
	}
	return AtLink(other, member), true
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

func chance(r *rand.Rand, ppm int64) bool { return r.Int64N(ppmAll) < ppm }

func uniform(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(d)))
}

// logUniform draws from low to top so that each doubling is about as likely as any other: small
// values matter as much as large ones.
func logUniform(r *rand.Rand, low, top int64) int64 {
	if low >= top {
		return low
	}
	first, last := bits.Len64(uint64(low)), bits.Len64(uint64(top))
	width := first + r.IntN(last-first+1)
	least, most := int64(0), int64(0)
	if width > 0 {
		least, most = int64(1)<<(width-1), int64(1)<<width-1
	}
	least, most = max(least, low), min(most, top)
	return least + r.Int64N(most-least+1)
}

// rounded keeps the two leading digits, so that a schedule is easy to read.
func rounded(n int64) int64 {
	scale := int64(1)
	for n/scale >= 100 {
		scale *= 10
	}
	return n / scale * scale
}
