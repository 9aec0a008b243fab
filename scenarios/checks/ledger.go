package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/reports"
)

// Watch is who looked at the machines of a run, and what is asked of the alerts.
type Watch struct {
	Topology *chaos.Topology
	Monitor  string            // the machine that looks at the others
	Nodes    []string          // the machines that it looks at
	Required []chaos.Kind      // must be named where an alert can name them
	Pausing  map[string]string // kinds of card that pause by themselves, by machine
	Ended    time.Duration
}

const (
	// aftermath is how long after a fault has healed what it left behind may still raise alerts: connections are opened
	// anew, leaders elected, nodes started, and what piled up is served.
	aftermath = 30 * time.Second
	// masked is how long after a fault that silenced or ended a node another one may still not be seen.
	masked = 20 * time.Second
	// slowBurn is how long what went wrong counts for an alert on a budget that burns slowly: its short window (node/levels.yaml).
	slowBurn = 5 * time.Minute
)

// Account keeps the ledger of a run: it writes to each fault of the result, which are those of the schedule, which alert
// named it, and to each alert which fault explains it, and returns what that comes to. Deaths must be marked with what
// excuses them before (Excuse).
//
// A fault is named by an alert of its kind about its machine whose condition began after it and that fired within the time
// of its kind; if it is about several machines, by alerts about each. It must be named if it was felt, its kind is required and it is long and
// large enough; otherwise it may, by an alert that names none of those. It is hidden, and not missed, if the alert stood already for another fault, or if another
// one silenced or ended the node, or moved its clock, at that time, and that one is not missed itself.
//
// An alert that names causes is explained by a fault of its machine that can have caused it. Any other one is a symptom,
// and explained by any fault that was felt when its condition began, or shortly before. That a card is slow which is so by nature is true,
// and nobody's fault. What nothing explains is false.
func (w *Watch) Account(s chaos.Schedule, r *reports.Result) *reports.Score {
	l := &naming{Watch: w, alerts: r.Alerts, deaths: r.Deaths, signs: signs(), effects: effects(), taken: map[*reports.Alert]bool{}}
	for i := range s {
		l.entries = append(l.entries, l.entry(s, i, &r.Faults[i]))
	}
	for _, must := range []bool{true, false} {
		for _, e := range l.entries {
			if e.told.Must == must {
				l.name(e)
			}
		}
	}
	for _, e := range l.entries {
		l.settle(e)
	}
	for i := range r.Alerts {
		l.explain(&r.Alerts[i])
	}
	return l.score()
}

// naming is a ledger that is being kept.
type naming struct {
	*Watch
	alerts  []reports.Alert
	deaths  []reports.Death
	signs   map[chaos.Kind]sign
	effects map[string]func(*chaos.Spec) bool
	entries []*entry
	taken   map[*reports.Alert]bool // by a fault that they name
}

// entry is a fault with what is known of it.
type entry struct {
	fault *chaos.Fault
	spec  *chaos.Spec
	told  *reports.Fault
	sign  sign
	at    []string                  // the machines that alerts are to name
	one   bool                      // one of them will do, as nobody knows which will be seen
	by    map[string]*reports.Alert // the first that named each
	due   time.Duration             // when they must have
}

// entry finds out whether a fault must be named.
func (l *naming) entry(s chaos.Schedule, i int, told *reports.Fault) *entry {
	f := &s[i]
	spec, _ := chaos.Lookup(f.Kind)
	e := &entry{fault: f, spec: spec, told: told, sign: l.signs[f.Kind], at: l.places(f), by: map[string]*reports.Alert{}}
	if len(e.at) == 0 {
		e.at, e.one = l.machines(f), true
	}
	e.due = f.At + e.sign.within
	if e.sign.over {
		e.due = f.End() + e.sign.within
	}
	told.NeedNot = l.needNot(s, e)
	told.Must = told.NeedNot == ""
	return e
}

// needNot says why no alert need name a fault, or nothing.
func (l *naming) needNot(s chaos.Schedule, e *entry) string {
	f := e.fault
	switch {
	case !e.told.Felt:
		return "not felt"
	case e.sign.not != "":
		return e.sign.not
	case f.For < e.sign.least:
		return "too short: " + e.sign.least.String() + " are needed"
	case e.sign.param != "" && abs(f.Param(e.sign.param)) < e.sign.from:
		i := slices.IndexFunc(e.spec.Params, func(p chaos.ParamSpec) bool { return p.Name == e.sign.param })
		return fmt.Sprintf("too small: a %s of %d%s is needed", e.sign.param, e.sign.from, e.spec.Params[i].Unit)
	case e.one:
		return "the monitor goes on to hear all, or is cut off itself"
	case e.due > l.Ended:
		return "the run ended too soon"
	case !slices.Contains(l.Required, f.Kind):
		return "not required"
	}
	if e.spec.Class == chaos.ClassClock {
		if off := l.clockOffAt(s, e.at[0], f); abs(int64(off)) < int64(clockLeast) {
			return fmt.Sprintf("too small: the clock is off by %s in all", off)
		}
	}
	return ""
}

// clockOffAt returns how far faults have moved the clock of a machine when one has begun, or ended where it is a drift.
func (l *naming) clockOffAt(s chaos.Schedule, machine string, of *chaos.Fault) (off time.Duration) {
	at := of.At
	if of.Kind == chaos.ClockDrift {
		at = of.End()
	}
	for i := range s {
		f := &s[i]
		if f.At > at || !l.Topology.Touches(f, machine) {
			continue
		}
		switch f.Kind {
		case chaos.ClockStep:
			off += time.Duration(f.Param("by")) * time.Millisecond
		case chaos.ClockOffset, chaos.NTPLies:
			if at < f.End() {
				off += time.Duration(f.Param("by")) * time.Millisecond
			}
		case chaos.ClockDrift:
			off += time.Duration(int64((min(at, f.End())-f.At)/time.Microsecond) * f.Param("rate") / 1000) // µs × ppm is 1/1000 ns
		}
	}
	return off
}

func abs(n int64) int64 { return max(n, -n) }

// places returns the nodes each of which an alert is to name: at which a fault is aimed, or which the monitor does not hear
// because of it. If it is the monitor that is cut off, all are silent, and none is to blame.
func (l *naming) places(f *chaos.Fault) []string {
	t := f.Target
	switch t.Type {
	case chaos.OnMachine, chaos.OnMachines:
		on := l.Topology.Touched(f)
		if f.Kind == chaos.PartitionRing || f.Kind == chaos.PartitionBridge || slices.Contains(on, l.Monitor) {
			return nil
		}
		return l.nodes(on)
	case chaos.OnSwitch:
		if on := l.Topology.Touched(f); !slices.Contains(on, l.Monitor) {
			return l.nodes(on)
		}
	case chaos.OnLink:
		var names []string
		for _, pair := range l.Topology.Pairs(t) {
			if pair[0] == l.Monitor {
				names = append(names, pair[1])
			} else if pair[1] == l.Monitor {
				names = append(names, pair[0])
			}
		}
		if names = l.nodes(names); len(names) < len(l.Nodes) {
			return names
		}
	}
	return nil
}

// machines returns the nodes at which a fault is aimed. Of a link between one machine and all others it is the one.
func (l *naming) machines(f *chaos.Fault) []string {
	all := func(side []string) bool { return len(side) == 1 && side[0] == "*" }
	switch t := f.Target; {
	case t.Type == chaos.OnSwitch:
		on := l.Topology.Touched(f)
		if slices.Contains(on, l.Monitor) { // which then does not hear the others
			return slices.DeleteFunc(slices.Clone(l.Nodes), func(name string) bool { return f.Kind == chaos.UplinkCut && slices.Contains(on, name) })
		}
		return l.nodes(on)
	case all(t.B):
		return l.nodes(t.A)
	case all(t.A):
		return l.nodes(t.B)
	default:
		return l.nodes(l.Topology.Touched(f))
	}
}

// nodes returns those of some machines that the monitor looks at, in its order.
func (l *naming) nodes(names []string) []string {
	var some []string
	for _, name := range l.Nodes {
		if slices.Contains(names, name) {
			some = append(some, name)
		}
	}
	return some
}

// name finds the alerts that name a fault.
func (l *naming) name(e *entry) {
	if !e.told.Felt {
		return
	}
	for _, machine := range e.at {
		for i := range l.alerts {
			// Alerts are in the order of their times.
			if a := &l.alerts[i]; e.namedBy(a, machine) && (e.told.Must || !l.taken[a]) {
				e.by[machine] = a
				break
			}
		}
	}
	if len(e.by) == 0 || len(e.by) < len(e.at) && !e.one {
		return
	}
	var first, last *reports.Alert
	for _, machine := range e.at {
		a := e.by[machine]
		if a == nil {
			continue
		}
		l.taken[a] = true
		if first == nil || a.From < first.From {
			first = a
		}
		if last == nil || a.From > last.From {
			last = a
		}
	}
	e.told.Named = &reports.Naming{Alert: first.Name, After: last.From - e.told.From}
}

// namedBy tells whether an alert names the fault on a machine. What held before the fault began comes from another one.
func (e *entry) namedBy(a *reports.Alert, machine string) bool {
	since := e.fault.At
	if a.Name == nodeRestarted || a.Name == cardStalls {
		since = e.fault.End() // what it is about is over by then
	}
	return slices.Contains(e.sign.alerts, a.Name) && a.Labels[place] == machine && time.Duration(a.Pending) >= since && time.Duration(a.From) <= e.due
}

// settle decides of a fault that must be named, and was not, whether another one hid it.
func (l *naming) settle(e *entry) {
	if !e.told.Must || e.told.Named != nil {
		return
	}
	for _, machine := range e.at {
		if e.by[machine] != nil {
			continue
		}
		by := l.hider(e, machine)
		if by == nil {
			e.told.Missed, e.told.HiddenBy = true, ""
			return
		}
		e.told.HiddenBy = by.fault.String()
	}
}

// hider returns the fault that kept another one from being named on a machine, or nil.
func (l *naming) hider(e *entry, machine string) *entry {
	for i := range l.alerts {
		a := &l.alerts[i]
		stood := time.Duration(a.Pending) < e.fault.At && time.Duration(a.To) > e.fault.At
		if stood && slices.Contains(e.sign.alerts, a.Name) && a.Labels[place] == machine {
			if by := l.cause(a); by != nil && by != e {
				return by
			}
		}
	}
	for _, g := range l.entries {
		missed := g.told.Must && g.told.Named == nil
		if g != e && g.told.Felt && !missed && l.masks(g, e, machine) && l.near(g, e, machine) {
			return g
		}
	}
	return nil
}

// masks tells whether a fault is of a kind and on a machine where it can keep another one from being seen.
func (l *naming) masks(g, e *entry, machine string) bool {
	switch g.spec.Class {
	case chaos.ClassNetwork:
		return slices.Contains(l.places(g.fault), machine) || g.fault.Target.Type == chaos.OnSwitch && slices.Contains(l.machines(g.fault), machine)
	case chaos.ClassClock:
		return e.spec.Class == chaos.ClassClock && slices.Contains(l.machines(g.fault), machine)
	}
	named := slices.Contains(g.fault.Target.A, machine) // and not only the switch that feeds it
	return (g.spec.Out || g.spec.Restarts || g.spec.AllowsDeath) && named && l.Topology.Touches(g.fault, machine)
}

// near tells whether a fault, or the end of a process that it excuses, fell into the time in which another one was to be
// named.
func (l *naming) near(g, e *entry, machine string) bool {
	if g.fault.At <= e.due && e.fault.At <= g.fault.End()+masked {
		return true
	}
	return slices.ContainsFunc(l.deaths, func(d reports.Death) bool {
		return d.AllowedBy == g.fault.String() && d.Machine == machine && time.Duration(d.At) <= e.due && e.fault.At <= time.Duration(d.At)+masked
	})
}

// explain writes to an alert which fault it comes from, or that it is false.
func (l *naming) explain(a *reports.Alert) {
	if by := l.cause(a); by != nil {
		a.ExplainedBy = by.fault.String()
		return
	}
	if card := l.Pausing[a.Labels[place]]; card != "" && (a.Name == cardSlow || a.Name == cardStalls) {
		a.ExplainedBy = "its card, " + card + ", which pauses"
		return
	}
	a.False = true
}

// cause returns the fault from which an alert comes: of those that it named, or else of those that can have caused it, the
// one that began last. It is nil if there is none.
func (l *naming) cause(a *reports.Alert) (by *entry) {
	machine := a.Labels[place]
	for _, e := range l.entries {
		if e.by[machine] == a {
			by = e
		}
	}
	if by != nil {
		return by
	}
	effect, names := l.effects[a.Name]
	for _, e := range l.entries {
		if e.told.Felt && (!names || effect(e.spec) && l.hits(e, a.Name, machine)) && l.during(e, a, names) {
			by = e
		}
	}
	return by
}

// hits tells whether a fault can be one of the machine that an alert is about.
func (l *naming) hits(e *entry, alert, machine string) bool {
	// A member does not reach its leader for faults on either side.
	return slices.Contains(l.machines(e.fault), machine) || alert == cutOff && l.Topology.Touches(e.fault, machine)
}

// during tells whether an alert can have begun by a fault, or what that left behind. Its machine bears what it has
// damaged, and a clock that was moved, to the end of the run.
func (l *naming) during(e *entry, a *reports.Alert, there bool) bool {
	at, after := time.Duration(a.Pending), aftermath
	if a.Labels["level"] != "" && strings.HasSuffix(a.Name, "Slow") {
		after = slowBurn
	}
	if at < e.fault.At {
		return false
	}
	if at <= e.fault.End()+after || there && (e.spec.Harm != chaos.HarmNone || e.spec.Class == chaos.ClassClock) {
		return true
	}
	return slices.ContainsFunc(l.deaths, func(d reports.Death) bool {
		died := time.Duration(d.At)
		return d.AllowedBy == e.fault.String() && at >= died && at <= died+after
	})
}

// score counts.
func (l *naming) score() *reports.Score {
	score := &reports.Score{Fired: len(l.alerts)}
	for _, e := range l.entries {
		if !e.told.Must {
			continue
		}
		score.Required++
		switch {
		case e.told.Named != nil:
			score.Named++
		case e.told.Missed:
			score.Missed++
		default:
			score.Hidden++
		}
	}
	for i := range l.alerts {
		if l.alerts[i].False {
			score.False++
		}
	}
	score.PrecisionPPM = share(score.Fired-score.False, score.Fired)
	score.RecallPPM = share(score.Named, score.Named+score.Missed)
	return score
}

// share returns a part of a whole in ppm; of nothing it is all.
func share(part, whole int) int64 {
	if whole == 0 {
		return 1_000_000
	}
	return int64(part) * 1_000_000 / int64(whole)
}
