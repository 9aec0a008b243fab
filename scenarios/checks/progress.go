package checks

import (
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
}

// Progress judges whether operations succeed while a majority of the members is healthy: one that
// no fault touches, nor has touched shortly before, and whose process has not ended shortly before.
// A member whose stored data was damaged is not counted as healthy again, as it may be right to
// take no part any more. Clocks may be wrong. All machines that are not members, the clients, must be healthy
// too. Count is the number of stretches of time that were long enough to judge.
func Progress(h history.History, q Quorum, top *chaos.Topology, s chaos.Schedule, deaths []reports.Death) reports.Check {
	c := reports.Check{Name: "progress", Status: reports.Pass}
	var done []time.Duration // when operations succeeded
	var last time.Duration   // when the last operation was called: clients worked until then
	for i := range h {
		last = max(last, h[i].Call)
		if h[i].Outcome == history.OK {
			done = append(done, h[i].Return)
		}
	}
	slices.Sort(done)
	ill := illness(q, top, s, deaths)
	for _, w := range healthy(q, top, ill, last) {
		if w.to-w.from < q.Within {
			continue
		}
		c.Count++
		if gap, ok := stands(done, w, q.Within); ok && c.Status == reports.Pass {
			c.Status = reports.Fail
			c.Detail = fmt.Sprintf("no operation succeeded from %s to %s, with %v healthy; %s is the longest it may take",
				history.Seconds(gap.from), history.Seconds(gap.to), w.members, history.Seconds(q.Within))
		}
	}
	if c.Status == reports.Pass {
		c.Detail = fmt.Sprintf("operations succeeded in each of %d stretches with a healthy majority", c.Count)
	}
	return c
}

// span is a stretch of time, with the members that are ill or healthy in it.
type span struct {
	from, to time.Duration
	members  []string
}

// illness returns when which machines are not healthy.
func illness(q Quorum, top *chaos.Topology, s chaos.Schedule, deaths []reports.Death) []span {
	var ill []span
	for i := range s {
		f := &s[i]
		spec, _ := chaos.Lookup(f.Kind)
		if spec.Class == chaos.ClassClock {
			continue
		}
		sick := span{from: f.At, to: f.End() + q.Recovery}
		if spec.Harm == chaos.HarmSeen {
			sick.to = forever
		}
		for _, name := range top.Names() {
			if top.Touches(f, name) {
				sick.members = append(sick.members, name)
			}
		}
		ill = append(ill, sick)
	}
	for _, d := range deaths {
		at := time.Duration(d.At)
		ill = append(ill, span{at, at + q.Recovery, []string{d.Machine}})
	}
	return ill
}

// healthy returns the stretches of time up to the end in which a majority stays healthy, with that
// majority.
func healthy(q Quorum, top *chaos.Topology, ill []span, end time.Duration) []span {
	times := []time.Duration{0, end}
	for _, s := range ill {
		times = append(times, min(s.from, end), min(s.to, end))
	}
	slices.Sort(times)
	times = slices.Compact(times)
	var all []span
	for i := 0; i+1 < len(times); i++ {
		well := well(q, top, ill, times[i])
		if n := len(all); n > 0 && all[n-1].to == times[i] {
			both := slices.DeleteFunc(slices.Clone(all[n-1].members), func(m string) bool { return !slices.Contains(well, m) })
			if 2*len(both) > len(q.Members) {
				all[n-1].to, all[n-1].members = times[i+1], both
				continue
			}
		}
		if 2*len(well) > len(q.Members) {
			all = append(all, span{times[i], times[i+1], well})
		}
	}
	return all
}

// well returns the members that are healthy at a time, or none if another machine is not.
func well(q Quorum, top *chaos.Topology, ill []span, at time.Duration) []string {
	var names []string
	for _, name := range top.Names() {
		isIll := slices.ContainsFunc(ill, func(s span) bool {
			return s.from <= at && at < s.to && slices.Contains(s.members, name)
		})
		switch member := slices.Contains(q.Members, name); {
		case isIll && !member:
			return nil
		case !isIll && member:
			names = append(names, name)
		}
	}
	return names
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
