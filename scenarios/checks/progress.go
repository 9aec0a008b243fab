package checks

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios/history"
)

// Quorum is what is asked of a cloud of which a majority is healthy.
type Quorum struct {
	Members  []string      // the machines of which a majority must be healthy
	Within   time.Duration // the longest time without an operation that succeeds
	Recovery time.Duration // how long after a fault a machine that it touched counts as ill
	Writes   bool          // reads do not count: a leader whose disk hangs may answer them for ever
}

// Progress judges whether operations succeed while a majority of the members, and all machines that are not
// members, the clients, are healthy: no fault touches them or what joins them, nor has done so shortly before,
// and no process of theirs has ended shortly before. A member whose stored data was damaged is not counted as
// healthy again, as it may be right to take no part any more. Clocks may be wrong, and mild faults count as none.
// Count is the number of stretches of time that were long enough to judge.
func Progress(h history.History, q Quorum, top *chaos.Topology, s chaos.Schedule, deaths []reports.Death) reports.Check {
	c := reports.Check{Name: "progress", Status: reports.Pass}
	var done []time.Duration // when operations succeeded
	var last time.Duration   // when the last operation was called: clients worked until then
	for i := range h {
		last = max(last, h[i].Call)
		if h[i].Outcome == history.OK && !(q.Writes && h[i].Kind == history.Read) {
			done = append(done, h[i].Return)
		}
	}
	slices.Sort(done)
	for _, m := range majorities(&q, top) {
		for _, w := range m.healthy(s, deaths, last) {
			if w.to-w.from < q.Within {
				continue
			}
			c.Count++
			if gap, ok := stands(done, w, q.Within); ok && c.Status == reports.Pass {
				c.Status = reports.Fail
				c.Detail = fmt.Sprintf("no operation succeeded from %s to %s, with %v healthy; %s is the longest it may take",
					history.Seconds(gap.from), history.Seconds(gap.to), m.members, history.Seconds(q.Within))
			}
		}
	}
	if c.Status == reports.Pass {
		c.Detail = fmt.Sprintf("operations succeeded in each of %d stretches with a healthy majority", c.Count)
	}
	atLeast(&c, 1, "stretches of time in which a majority was healthy")
	return c
}

// majority is as many members as are needed, which may be healthy while the others are not.
type majority struct {
	*Quorum
	top     *chaos.Topology
	members []string
}

// majorities returns all sets of members that are a majority without one to spare.
func majorities(q *Quorum, top *chaos.Topology) []majority {
	var all []majority
	need := len(q.Members)/2 + 1
	var choose func(from int, chosen []string)
	choose = func(from int, chosen []string) {
		if len(chosen) == need {
			all = append(all, majority{q, top, slices.Clone(chosen)})
			return
		}
		for i := from; i < len(q.Members); i++ {
			choose(i+1, append(chosen, q.Members[i]))
		}
	}
	choose(0, nil)
	return all
}

// Mild tells whether faults of a kind take hardly any time from those whom they touch.
func Mild(k chaos.Kind) bool {
	return k == chaos.DiskEvict || k == chaos.NetDuplicate || k == chaos.NetReorder
}

// needed tells whether a machine must be healthy: one of this majority, or a client.
func (m *majority) needed(machine string) bool {
	return slices.Contains(m.members, machine) || m.client(machine)
}

func (m *majority) client(machine string) bool { return !slices.Contains(m.Members, machine) }

// hurtBy tells whether a fault touches a machine that is needed, or what joins two of them. What joins one of
// the other members, who may lead, to a client hurts too: a leader that its clients do not reach keeps its
// place. Only a leader that is cut off from all loses it.
func (m *majority) hurtBy(f *chaos.Fault) bool {
	spec, _ := chaos.Lookup(f.Kind)
	if spec.Class == chaos.ClassClock || Mild(f.Kind) {
		return false
	}
	if f.Target.Type != chaos.OnLink && f.Target.Type != chaos.OnSides {
		return slices.ContainsFunc(m.top.Names(), func(name string) bool { return m.needed(name) && m.top.Touches(f, name) })
	}
	cutOff := spec.Out && slices.Contains(slices.Concat(f.Target.A, f.Target.B), "*")
	return slices.ContainsFunc(m.top.Pairs(f.Target), func(pair [2]string) bool {
		from, to := pair[0], pair[1]
		return m.needed(from) && m.needed(to) || !cutOff && (m.client(from) || m.client(to))
	})
}

// span is a stretch of time.
type span struct{ from, to time.Duration }

// healthy returns the stretches of time up to the end in which the majority is healthy.
func (m *majority) healthy(s chaos.Schedule, deaths []reports.Death, end time.Duration) []span {
	var ill []span
	for i := range s {
		f := &s[i]
		if !m.hurtBy(f) {
			continue
		}
		sick := span{f.At, f.End() + m.Recovery}
		if spec, _ := chaos.Lookup(f.Kind); spec.Harm != chaos.HarmNone {
			sick.to = forever
		}
		ill = append(ill, sick)
	}
	for _, d := range deaths {
		if m.needed(d.Machine) {
			at := time.Duration(d.At)
			ill = append(ill, span{at, at + m.Recovery})
		}
	}
	slices.SortFunc(ill, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var well []span
	var since time.Duration
	for _, sick := range append(ill, span{end, forever}) {
		if until := min(sick.from, end); until > since {
			well = append(well, span{since, until})
		}
		since = max(since, sick.to)
	}
	return well
}

// stands returns the first part of a stretch that is longer than within and has no success.
func stands(done []time.Duration, w span, within time.Duration) (span, bool) {
	since := w.from
	for _, t := range append(done[:len(done):len(done)], forever) {
		if t < since {
			continue
		}
		if t = min(t, w.to); t-since > within {
			return span{from: since, to: t}, true
		}
		if t == w.to {
			break
		}
		since = t
	}
	return span{}, false
}
