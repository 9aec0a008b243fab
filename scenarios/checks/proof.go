package checks

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// mostShown is how many operations of a witness are drawn: a person follows no more.
const mostShown = 40

// proof returns a witness for people to look at. With it stands what may have put the values that it saw, also what says of itself that it
// did not, and so on, as nobody understands a value that comes from nowhere. It returns nothing if that is more than a person can follow.
func proof(key history.KeyHistory, witness history.History, steps int64) *reports.Proof {
	shown := slices.Clone(witness)
	for more := putters(key.Operations, shown); len(more) > 0; more = putters(key.Operations, shown) {
		if shown = append(shown, more...); len(shown) > mostShown {
			return nil
		}
	}
	shown.Sort()
	p := &reports.Proof{Key: key.Key, Impossible: impossible(shown, steps)}
	for i := range shown {
		o := &shown[i]
		p.Operations = append(p.Operations, reports.Operation{Client: o.Client, Did: o.Did(), Call: reports.Seconds(o.Call), Return: reports.Seconds(o.Return),
			Sure: o.Outcome != history.Unknown})
	}
	return p
}

// putters returns the operations that are not among the shown ones and would have put what those saw.
func putters(all, shown history.History) history.History {
	seen := map[string]bool{}
	for i := range shown {
		if o := &shown[i]; observes(o) && o.Result != "" {
			seen[o.Result] = true
		}
	}
	var found history.History
	for i := range all {
		o := &all[i]
		same := func(w history.Operation) bool { return w.Client == o.Client && w.Call == o.Call }
		if seen[o.Value] && !slices.ContainsFunc(shown, same) {
			found = append(found, *o)
		}
	}
	return found
}

// certain returns the operation of an illegal history with whose return that was certain.
func certain(all history.History, steps int64) *history.Operation {
	byReturn := slices.Clone(all)
	slices.SortStableFunc(byReturn, func(a, b history.Operation) int { return cmp.Compare(a.Return, b.Return) })
	n := sort.Search(len(byReturn)-1, func(i int) bool {
		return judge(simplify(until(all, byReturn[i].Return)), steps) == reports.Fail
	})
	return &byReturn[n]
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
