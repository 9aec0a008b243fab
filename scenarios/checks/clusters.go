package checks

import (
	"picloud/reports"
	"picloud/scenarios/history"
)

// cluster is the operations that put or saw one value. If each value is put by one write only, the
// value stands there for one stretch of time, in which they all happen.
type cluster struct {
	put   *operation // nil for the absent key, which is there before all
	first int64      // when the earliest of them had returned: the value had stood there by then
	last  int64      // when the latest of them was called: the value still stood there later
}

// decide judges a key that saw only reads, and writes of values that nobody else wrote, in steps
// that grow with the square of its values. Such a history is linearizable unless a value is seen
// before it is written, or two values would each have to stand there before the other.
// It says nothing, with sure false, about a key with other operations.
//
// Source: Gibbons and Korach, "Testing Shared Memories", SIAM Journal on Computing 26(4), 1997,
// section 4, whose forward and backward zones are first and last here.
func decide(ops []operation) (status reports.Status, sure bool) {
	clusters := map[string]*cluster{"": {first: -1, last: -1}}
	for i := range ops {
		o := &ops[i]
		if o.Kind != history.Write && o.Kind != history.Read || o.unbounded {
			return "", false
		}
		if o.Kind == history.Write {
			if clusters[o.Value] != nil {
				return "", false
			}
			clusters[o.Value] = &cluster{put: o, first: int64(o.Return), last: int64(o.Call)}
		}
	}
	for i := range ops {
		o := &ops[i]
		if o.Kind != history.Read {
			continue
		}
		c := clusters[o.Result]
		if c == nil || c.put != nil && o.Return < c.put.Call {
			return reports.Fail, true
		}
		c.first, c.last = min(c.first, int64(o.Return)), max(c.last, int64(o.Call))
	}
	for _, a := range clusters {
		for _, b := range clusters {
			if a != b && a.first < b.last && b.first < a.last {
				return reports.Fail, true
			}
		}
	}
	return reports.Pass, true
}
