// Package trial compares runs of one scenario with a defence of the cloud and without it: what users felt of the same faults,
// seed by seed.
//
// Invariants: it knows results and histories only; a figure that a run does not give is not made up; the same runs give the same text.
package trial

import (
	"slices"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Impact is what users felt from the first fault of a run on. A request counts for the second in which it was made.
type Impact struct {
	Requests int
	Failed   int // of them: they did not succeed, or not in time, or nobody knows
	// Bad is in how many seconds fewer than 95 % of the requests went well.
	Bad time.Duration
	// Recovery is from the first fault until the last bad second was over; zero if none was.
	Recovery time.Duration
	P99      time.Duration // of the requests that succeeded
	// Lost is how many checks of what was acknowledged failed.
	Lost int
	// Broken says which checks failed.
	Broken []string
}

const goodShare = 95 // percent

// kept are the checks of what was acknowledged.
func kept() []string {
	return []string{"durable", "kept", "linearizable", "serializable", "watched", "sessions", "jobs", "accounts"}
}

// Of returns what users felt in a run. Requests that took longer than within failed.
func Of(r *reports.Result, h history.History, within time.Duration) Impact {
	var i Impact
	for _, c := range r.Checks {
		if c.Status != reports.Fail {
			continue
		}
		i.Broken = append(i.Broken, c.Name)
		if slices.Contains(kept(), c.Name) {
			i.Lost++
		}
	}
	if len(r.Faults) == 0 {
		return i
	}
	first := slices.MinFunc(r.Faults, func(a, b reports.Fault) int { return int(a.From - b.From) }).From
	i.feel(h, time.Duration(first), within)
	return i
}

// feel counts the requests that were made from a time on.
func (i *Impact) feel(h history.History, first, within time.Duration) {
	type second struct{ all, bad int }
	var seconds []second
	var took []time.Duration
	for n := range h {
		o := &h[n]
		if o.Call < first || o.Kind == history.Use && o.Use.Attacker() {
			continue
		}
		at := int((o.Call - first) / time.Second)
		for len(seconds) <= at {
			seconds = append(seconds, second{})
		}
		i.Requests++
		seconds[at].all++
		if o.Outcome == history.OK {
			took = append(took, o.Latency())
		}
		if o.Outcome != history.OK || o.Latency() > within {
			i.Failed++
			seconds[at].bad++
		}
	}
	for at, s := range seconds {
		if (s.all-s.bad)*100 < s.all*goodShare {
			i.Bad += time.Second
			i.Recovery = time.Duration(at+1) * time.Second
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		i.P99 = took[len(took)*99/100]
	}
}
