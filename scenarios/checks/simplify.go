package checks

import (
	"time"

	"picloud/scenarios/history"
)

// simplify prepares the operations of one key for the judge, without changing what is legal. An
// operation of unknown outcome may happen at any time after its call, and each of them doubles
// the work, so:
//
//   - What has certainly not happened, and reads of unknown outcome, are left out.
//   - An unknown operation whose effect nobody saw is left out. If the history with it is legal,
//     so is the one without, as no operation stands on its effect; if the history without it is
//     legal, so is the one with it, for it can happen after all others.
//   - An unknown operation that alone writes a value which was seen happened before the first
//     operation that saw it returned, and is given that return.
func simplify(all history.History) []operation {
	var ops []operation
	writers := map[string]int{}
	for _, o := range all {
		if o.Outcome == history.Failed || o.Outcome == history.Unknown && o.Kind == history.Read {
			continue
		}
		ops = append(ops, operation{Operation: o, unbounded: o.Outcome == history.Unknown})
		if o.Value != "" {
			writers[o.Value]++
		}
	}
	needed := neededValues(ops)
	firstSeen := firstSeen(ops)
	kept := ops[:0]
	for _, o := range ops {
		if o.unbounded {
			if need, is := needed[o.Value]; !is || o.Kind == history.Delete && need < o.Call {
				continue
			}
			if seen, is := firstSeen[o.Value]; is && o.Value != "" && writers[o.Value] == 1 {
				o.Return, o.unbounded = max(o.Call, seen), false
			}
		}
		kept = append(kept, o)
	}
	return kept
}

// forever is later than any operation.
const forever = time.Duration(1) << 62

// neededValues returns the values that an operation which is kept may stand on, with the latest
// time at which it may. An unknown compare-and-swap that is kept needs what it expects.
func neededValues(ops []operation) map[string]time.Duration {
	needed := map[string]time.Duration{}
	for i := range ops {
		if o := &ops[i].Operation; observes(o) {
			needed[o.Result] = max(needed[o.Result], o.Return)
		}
	}
	for again := true; again; {
		again = false
		for i := range ops {
			o := &ops[i]
			if o.Kind != history.CAS || !o.unbounded {
				continue
			}
			if _, kept := needed[o.Value]; kept && needed[o.Expect] != forever {
				needed[o.Expect], again = forever, true
			}
		}
	}
	return needed
}

// firstSeen returns when the first operation that saw a value returned.
func firstSeen(ops []operation) map[string]time.Duration {
	first := map[string]time.Duration{}
	for i := range ops {
		o := &ops[i].Operation
		if !observes(o) {
			continue
		}
		if seen, is := first[o.Result]; !is || o.Return < seen {
			first[o.Result] = o.Return
		}
	}
	return first
}
