package checks

import (
	"slices"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// mostShown is how many operations of a witness are drawn: a person follows no more.
const mostShown = 40

// proof returns a witness for people to look at, or nothing if it is too long for that.
func proof(key string, witness history.History, steps int64) *reports.Proof {
	if len(witness) > mostShown {
		return nil
	}
	witness = slices.Clone(witness)
	witness.Sort()
	p := &reports.Proof{Key: key, Impossible: impossible(witness, steps)}
	for i := range witness {
		o := &witness[i]
		p.Operations = append(p.Operations, reports.Operation{Client: o.Client, Did: o.Did(), Call: reports.Seconds(o.Call), Return: reports.Seconds(o.Return),
			Sure: o.Outcome != history.Unknown})
	}
	return p
}

// impossible returns the place of the operation with whose return it was certain that the history is illegal: up to the returns before, with
// what had not returned by then of unknown outcome, it is legal.
func impossible(all history.History, steps int64) int {
	byReturn := make([]int, len(all))
	for i := range byReturn {
		byReturn[i] = i
	}
	slices.SortStableFunc(byReturn, func(a, b int) int { return int(all[a].Return - all[b].Return) })
	for _, i := range byReturn {
		if judge(simplify(until(all, all[i].Return)), steps) == reports.Fail {
			return i
		}
	}
	return byReturn[len(byReturn)-1]
}

// until returns what was known of a history at a time.
func until(all history.History, now time.Duration) history.History {
	var known history.History
	for _, o := range all {
		if o.Call > now {
			continue
		}
		if o.Return > now {
			o.Outcome, o.Result = history.Unknown, ""
		}
		known = append(known, o)
	}
	return known
}
