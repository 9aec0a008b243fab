// Package trial compares runs of one scenario with a defence of the cloud and without it: what users felt of the same faults,
// seed by seed.
//
// Invariants: it knows results and histories only; a figure that a run does not give is not made up; the same runs give the same text.
package trial

import (
	"slices"
	"time"

	"picloud/reports"
	"picloud/scenarios/checks"
	"picloud/scenarios/history"
)

// Impact is what users felt from the first fault of a run on, from its beginning if there is none. A request counts for the second in which it was made.
type Impact struct {
	Requests int
	Failed   int // of them: they did not succeed, or not in time, or nobody knows
	// Bad is in how many seconds fewer than 95 % of the requests went well.
	Bad time.Duration
	// Recovery is from then until the last bad second was over; zero if none was.
	Recovery time.Duration
	P99      time.Duration // of the requests that succeeded
	// Lost is how many checks of what was acknowledged failed.
	Lost int
	// Broken says which checks failed.
	Broken []string
}

// kept are the checks of what was acknowledged.
func kept() []string {
	return []string{"durable", "kept", "linearizable", "serializable", "watched", "sessions", "jobs", "admitted"}
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
	felt := checks.Impact(h, r.Began(), within)
	i.Requests, i.Failed, i.P99 = felt.Requests, felt.Harmed(), time.Duration(felt.P99)
	i.Bad, i.Recovery = time.Duration(felt.Bad), time.Duration(felt.Recovery)
	return i
}
