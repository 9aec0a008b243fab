package museum

import "picloud/scenarios/kv"

// lostUpdate locks the values to read one and locks them to write it, and lets go in between. Two
// requests that read the same value both write what follows from it, and one change is lost. In
// between is only the making of a record, which never waits: goroutines meet there when one of
// them is preempted, as the runtime does to those that run long and those that help to collect.
//
// Revealed by: the scheduler alone, in runs whose seed draws preemption. Literature: Musuvathi and
// others, "Finding and Reproducing Heisenbugs in Concurrent Programs" (OSDI 2008).
func lostUpdate(s *store, c kv.Command) (before string, seen uint64) {
	before = s.get(c.Key)
	if after := c.After(before); after != before {
		s.set(c.Key, after, record(c.Key, after))
	}
	return before, s.seen()
}
