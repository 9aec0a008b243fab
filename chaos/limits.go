package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Share is a part of a group of machines.
type Share string

// The shares.
const (
	Nobody   Share = "nobody"
	One      Share = "one"
	Minority Share = "minority" // as many as leave a majority untouched
	Everyone Share = "everyone"
)

// Of returns how many of n machines the share is.
func (s Share) Of(n int) int {
	switch s {
	case One:
		return min(1, n)
	case Minority:
		return max(0, (n-1)/2)
	case Everyone:
		return n
	}
	return 0
}

// Limits are what a generator keeps so that a correct system gets through: within them every
// lost or wrong answer is a bug. They count the members, the machines that vote and store. What
// a kind does to its target stands in its Spec: Out, Restarts, Harm.
type Limits struct {
	// OutAtOnce bounds how many members are out at one time. Every outage heals, so over the run
	// it may reach everyone.
	OutAtOnce Share
	// StormRate is the share of seeds, in ppm, in which OutAtOnce does not hold.
	StormRate int64
	// DamagedPerRun bounds how many members have damaged data, counted over the whole run since
	// nobody says when a copy has been mended.
	DamagedPerRun Share
	// CrashAfterSilentHarm allows a machine that lost synced data to be crashed or evicted later, also by its watchdog.
	CrashAfterSilentHarm bool
	// Recovery is how long a member counts as out after its fault was healed.
	Recovery time.Duration
	// Longest bounds how long a fault lasts; zero leaves it to the kinds.
	Longest time.Duration
	// ActiveAtOnce bounds how many faults last at one time. Those that are required do not count.
	ActiveAtOnce int
}

// DefaultLimits is what the replicated store promises to survive.
func DefaultLimits() Limits {
	return Limits{
		OutAtOnce:            Minority,
		StormRate:            200_000,
		DamagedPerRun:        Minority,
		CrashAfterSilentHarm: false,
		Recovery:             2 * time.Second,
		ActiveAtOnce:         6,
	}
}

// Validate says what is wrong with the limits.
func (l *Limits) Validate() error {
	for _, s := range []Share{l.OutAtOnce, l.DamagedPerRun} {
		if s != Nobody && s != One && s != Minority && s != Everyone {
			return fmt.Errorf("a limit is %q, it must be %s, %s, %s or %s", s, Nobody, One, Minority,
				Everyone)
		}
	}
	switch {
	case l.StormRate < 0 || l.StormRate > ppmAll:
		return fmt.Errorf("the rate of storms is %d ppm, it must be 0 to %d", l.StormRate, ppmAll)
	case l.Recovery < 0:
		return fmt.Errorf("the recovery time is negative")
	case l.Longest < 0:
		return fmt.Errorf("the longest time of a fault is negative")
	case l.ActiveAtOnce < 1:
		return fmt.Errorf("%d faults may last at one time, it must be 1 or more", l.ActiveAtOnce)
	}
	return nil
}

// ledger is the faults that were admitted, and decides whether another one is within the limits.
type ledger struct {
	top      *Topology
	members  []string
	limits   Limits
	storm    bool
	admitted Schedule
	required int // how many of the admitted, the first, must be felt
}

// admit takes the faults if all of them are within the limits, and tells whether it did.
func (l *ledger) admit(required bool, faults ...Fault) bool {
	before := len(l.admitted)
	for _, f := range faults {
		if !l.allows(&f, required) {
			l.admitted = l.admitted[:before]
			return false
		}
		l.admitted = append(l.admitted, f)
	}
	if required {
		l.required = len(l.admitted)
	}
	return true
}

func (l *ledger) allows(f *Fault, required bool) bool {
	spec, _ := Lookup(f.Kind)
	if l.storm && forgets(spec) {
		return false
	}
	active := 1
	out := l.out(f, spec, nil)
	damaged := l.damaged(f, spec, nil)
	for i := range l.admitted {
		g := &l.admitted[i]
		other, _ := Lookup(g.Kind)
		if l.clash(f, g, spec, other) || l.crashAfterHarm(f, g, spec, other) ||
			l.crashAfterHarm(g, f, other, spec) {
			return false
		}
		if i < l.required && (!required && l.spoils(f, g, spec) || required && l.absent(f, g, spec, other)) {
			return false
		}
		damaged = l.damaged(g, other, damaged)
		if overlap(f, g, l.limits.Recovery) {
			out = l.out(g, other, out)
		}
		if overlap(f, g, 0) && !other.Instant() {
			active++
		}
	}
	return (required || spec.Instant() || active <= l.limits.ActiveAtOnce) &&
		(!spec.Out || l.storm || len(out) <= l.limits.OutAtOnce.Of(len(l.members))) &&
		(!l.damages(f, spec) || len(damaged) <= l.limits.DamagedPerRun.Of(len(l.members)))
}

// forgets says whether a fault lets a machine start again without what it has acknowledged, which nothing on its card shows. With another
// one that was cut off it makes a majority that knows less, so it is survived only while most of the others are there.
func forgets(s *Spec) bool { return s.Harm == HarmSilent && s.Restarts }

// overlap says whether two faults last at the same time, or are less than gap apart.
func overlap(f, g *Fault, gap time.Duration) bool {
	return f.At <= g.End()+gap && g.At <= f.End()+gap
}

// clash says whether two faults cannot both be played: one kind on what may be one target, or two that stop
// or start the same process, at one time; or the processors of two batches.
func (l *ledger) clash(f, g *Fault, fs, gs *Spec) bool {
	sameTarget := f.Target.ByPart() || g.Target.ByPart() || f.Target.String() == g.Target.String()
	if f.Kind == g.Kind && sameTarget && overlap(f, g, 0) {
		return true
	}
	if f.Kind == CPULies && g.Kind == CPULies && !sameTarget {
		return true // never more than one batch
	}
	stops := func(s *Spec) bool { return s.Restarts || s.Kind == Pause }
	return stops(fs) && stops(gs) && l.meet(f, g) && overlap(f, g, l.limits.Recovery)
}

// crashAfterHarm says whether f takes back synced data of a machine that g crashes later.
func (l *ledger) crashAfterHarm(f, g *Fault, fs, gs *Spec) bool {
	return !l.limits.CrashAfterSilentHarm && fs.Harm == HarmSilent &&
		(gs.Restarts || gs.Kind == DiskEvict || l.bitten(g, gs)) &&
		l.meet(f, g) && g.End() >= f.At
}

// unfed is how long a watchdog may get nothing beside the time of a fault: since it was fed last before, and until a node that goes on, or has
// started anew, lives well enough to feed it.
const unfed = 8 * time.Second

// bitten says whether a fault keeps a node from living for so long that its watchdog may reset the machine.
func (l *ledger) bitten(f *Fault, spec *Spec) bool {
	if spec.Kind != Pause && !(spec.Out && spec.AllowsDeath) {
		return false
	}
	return l.mayHit(f, func(m *Machine) bool { return m.Watchdog > 0 && f.For >= m.Watchdog-unfed })
}

// spoils says whether f may leave no process for the required fault g to act on.
func (l *ledger) spoils(f, g *Fault, spec *Spec) bool {
	if !spec.Restarts && !spec.AllowsDeath || g.Target.Type != OnMachine || !l.meet(f, g) {
		return false
	}
	return overlap(f, g, l.limits.Recovery) || spec.Harm != HarmNone && f.At <= g.End()
}

// absent says whether of two required faults on one machine the one takes away the process that the other one
// is to act on.
func (l *ledger) absent(f, g *Fault, fs, gs *Spec) bool {
	return (fs.Restarts || gs.Restarts) && stopped(f) && stopped(g) && l.meet(f, g) && overlap(f, g, l.limits.Recovery)
}

// stopped says whether a fault is aimed at machines as such, and not at ways between them.
func stopped(f *Fault) bool {
	return f.Target.Type == OnMachine || f.Target.Type == OnSwitch
}

// meet says whether two faults are aimed at the same machine, one of them perhaps at all of its shelf. Who has a part may be
// any machine.
func (l *ledger) meet(f, g *Fault) bool {
	if f.Target.ByPart() || g.Target.ByPart() {
		return true
	}
	for _, name := range l.top.aimedAt(f) {
		if slices.Contains(l.top.aimedAt(g), name) {
			return true
		}
	}
	return false
}

func (l *ledger) damaged(f *Fault, spec *Spec, names []string) []string {
	if !l.damages(f, spec) {
		return names
	}
	return l.addMembers(names, counted(f).A)
}

// damages says whether a fault may cost a copy for good: its data is harmed, or its node gives the card up.
func (l *ledger) damages(f *Fault, spec *Spec) bool {
	return spec.Harm != HarmNone || spec.Condemns && l.mayHit(f, func(m *Machine) bool { return m.Board })
}

// mayHit says whether a fault of machines may hit one of a kind. Who has a part may be any machine.
func (l *ledger) mayHit(f *Fault, kind func(*Machine) bool) bool {
	return slices.ContainsFunc(l.top.Machines, func(m Machine) bool {
		return kind(&m) && (f.Target.ByPart() || slices.Contains(f.Target.A, m.Name))
	})
}

// counted returns a fault's target as the limits count it: who has a part may be one more member, and another one at
// another time.
func counted(f *Fault) Target {
	t := f.Target
	if !t.ByPart() {
		return t
	}
	for _, side := range []*[]string{&t.A, &t.B} {
		*side = slices.Clone(*side)
		for i, name := range *side {
			if isPart(name) {
				(*side)[i] = name + "@" + seconds(f.At)
			}
		}
	}
	return t
}

// out adds the members that cannot be counted on while a fault lasts.
func (l *ledger) out(f *Fault, spec *Spec, names []string) []string {
	if !spec.Out {
		return names
	}
	t := counted(f)
	switch {
	case t.Type == OnSwitch:
		on := l.addMembers(nil, l.top.behind(f))
		if rest := len(l.members) - len(on); f.Kind == UplinkCut && rest < len(on) {
			return l.addMembers(names, without(l.members, on))
		}
		return l.addMembers(names, on)
	case t.Type == OnSides || t.Type == OnLink:
		a, b := l.addMembers(nil, l.top.expand(t.A, t.B)), l.addMembers(nil, l.top.expand(t.B, t.A))
		if len(a) == 1 && len(b) == 1 {
			return names // each still reaches a majority
		}
		if len(b) < len(a) {
			a = b
		}
		return l.addMembers(names, a)
	case f.Kind == PartitionRing || f.Kind == PartitionBridge:
		return names // everyone, or the bridge, still reaches a majority
	}
	return l.addMembers(names, t.A)
}

// addMembers adds those of more that are members, or may be, and not yet in names.
func (l *ledger) addMembers(names, more []string) []string {
	for _, m := range more {
		if (slices.Contains(l.members, m) || strings.Contains(m, ":")) && !slices.Contains(names, m) {
			names = append(names, m)
		}
	}
	return names
}

func without(all, some []string) []string {
	var rest []string
	for _, name := range all {
		if !slices.Contains(some, name) {
			rest = append(rest, name)
		}
	}
	return rest
}
