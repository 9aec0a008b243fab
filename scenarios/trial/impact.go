// Package trial compares runs of one scenario with a defence of the cloud and without it: what users felt of the same faults,
// seed by seed.
//
// Invariants: it knows results and timelines only; a figure that a run does not give is not made up; the same runs give the same text.
package trial

import (
	"slices"
	"time"

	"picloud/reports"
)

// Impact is what users felt from the first fault of a run on.
type Impact struct {
	Requests int // that ended
	Failed   int // of them, and those of which nobody knows the end
	// Bad is in how many seconds fewer than 95 % of the requests went well, or none did although there always had been some.
	Bad time.Duration
	// Recovery is from the first fault until the last bad second was over; zero if none was.
	Recovery time.Duration
	// P99 is the ninth decile of the seconds' 99th percentiles: how slow it is in the worst times.
	P99 time.Duration
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

// Of returns what users felt in a run.
func Of(r *reports.Result, t reports.Timeline) Impact {
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
	first := len(t)
	for _, f := range r.Faults {
		first = min(first, int(time.Duration(f.From)/time.Second))
	}
	busy := usual(t[:first])
	var slowest []int64
	for n, s := range t[first:] {
		all := s.OK + s.Failed + s.Unknown
		i.Requests += all
		i.Failed += all - s.OK
		if s.P99US > 0 {
			slowest = append(slowest, s.P99US)
		}
		if all*goodShare > s.OK*100 || all == 0 && busy {
			i.Bad += time.Second
			i.Recovery = time.Duration(n+1) * time.Second
		}
	}
	if len(slowest) > 0 {
		slices.Sort(slowest)
		i.P99 = time.Duration(slowest[len(slowest)*9/10]) * time.Microsecond
	}
	return i
}

// usual tells whether requests ended in each of the last ten seconds before the faults.
func usual(before reports.Timeline) bool {
	last := before[max(len(before)-10, 0):]
	return len(last) > 0 && !slices.ContainsFunc(last, func(s reports.Second) bool { return s.OK == 0 })
}
