package checks

import (
	"slices"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// mostShown is how many operations of a witness are drawn: a person follows no more.
const mostShown = 40

// proof returns a witness for people to look at, or nothing if it is too long for that. With it stand the operations that say of themselves
// that they did not put what it saw.
func proof(key history.KeyHistory, witness history.History, steps int64) *reports.Proof {
	shown := slices.Concat(witness, deniers(key.Operations, witness))
	if len(shown) > mostShown {
		return nil
	}
	shown.Sort()
	last := witness[impossible(witness, steps)]
	p := &reports.Proof{Key: key.Key, Impossible: slices.IndexFunc(shown, func(o history.Operation) bool { return o.Client == last.Client && o.Call == last.Call })}
	for i := range shown {
		o := &shown[i]
		p.Operations = append(p.Operations, reports.Operation{Client: o.Client, Did: o.Did(), Call: reports.Seconds(o.Call), Return: reports.Seconds(o.Return),
			Sure: o.Outcome != history.Unknown})
	}
	return p
}

// deniers returns the operations that had no effect, as they say, and yet what they would have put was seen.
func deniers(all, witness history.History) history.History {
	seen := map[string]bool{}
	for i := range witness {
		if o := &witness[i]; observes(o) && o.Result != "" {
			seen[o.Result] = true
		}
	}
	var found history.History
	for i := range all {
		o := &all[i]
		if seen[o.Value] && (o.Outcome == history.Failed || o.Outcome == history.OK && o.Kind == history.CAS && !o.Swapped()) &&
			!slices.ContainsFunc(witness, func(w history.Operation) bool { return w.Client == o.Client && w.Call == o.Call }) {
			found = append(found, *o)
		}
	}
	return found
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
