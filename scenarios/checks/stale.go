package checks

import (
	"time"

	"picloud/scenarios/history"
)

// stale finds a proof in three or four operations that a history of one key is not linearizable: a value
// that only one operation can have put, something that happened after it and left another value,
// and, after that in turn, an operation that saw the first value again. It returns nil if there is
// none. What it finds is illegal, whatever else happened; it spares the judge the long search by
// which it would find the same beside many operations of unknown outcome.
func stale(ops []operation) history.History {
	writer := map[string]*operation{}
	for i := range ops {
		if o := &ops[i]; o.Value != "" {
			if _, twice := writer[o.Value]; twice {
				o = nil
			}
			writer[ops[i].Value] = o
		}
	}
	seen := firstSeen(ops)
	for i := range ops {
		late := &ops[i]
		w := writer[late.Result]
		if !observes(&late.Operation) || late.Result == "" || w == nil {
			continue
		}
		put := min(w.Return, seen[w.Value]) // it had happened by then
		for j := range ops {
			between := &ops[j]
			if between.Call > put && between.Return < late.Call && leavesOther(&between.Operation, late.Result) {
				return append(shown(ops, w, put), between.Operation, late.Operation)
			}
		}
	}
	return nil
}

// shown returns the operations that show that a value stood there at a time: the one that put it, and
// one that saw it if that had not returned by then.
func shown(ops []operation, w *operation, by time.Duration) history.History {
	proof := history.History{w.Operation}
	unseen := w.Return > by || w.Outcome == history.Unknown
	for i := range ops {
		if o := &ops[i].Operation; unseen && observes(o) && o.Result == w.Value && o.Return == by {
			return append(proof, *o)
		}
	}
	return proof
}

// leavesOther says whether it is known that another value stood under the key once o had happened.
func leavesOther(o *history.Operation, value string) bool {
	if o.Outcome != history.OK {
		return false
	}
	switch o.Kind {
	case history.Write, history.Delete:
		return o.Value != value
	case history.CAS:
		return o.Swapped() && o.Value != value || !o.Swapped() && o.Result != value
	}
	return o.Result != value
}
