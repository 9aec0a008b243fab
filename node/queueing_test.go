package node

import (
	"testing"

	"picloud/node/pinboard"
)

// TestAQueueSpreadsAsItsApplicationDoes: jobs that an application puts where no queue server looks would wait for ever.
func TestAQueueSpreadsAsItsApplicationDoes(t *testing.T) {
	for _, c := range []struct {
		why   string
		queue WorkQueue
		err   string
		count int
	}{
		{"an application that is compiled in says it", WorkQueue{Name: "jobs", Namespace: "pinboard"}, "", pinboard.Partitions().Count},
		{"and may be agreed with", WorkQueue{Name: "jobs", Namespace: "pinboard", Partitions: 16}, "", 16},
		{"but not contradicted", WorkQueue{Name: "jobs", Namespace: "pinboard", Partitions: 8},
			"queue: queues[0]: pinboard spreads over 16 partitions, and its queue over as many, not over 8", 0},
		{"of others the file says it", WorkQueue{Name: "jobs", Namespace: "shop", Partitions: 8}, "", 8},
		{"and has to", WorkQueue{Name: "jobs", Namespace: "shop"}, "queue: queues[0]: an application has 1 to 256 partitions, not 0", 0},
	} {
		q := &Queue{Queues: []WorkQueue{c.queue}}
		switch err := q.validate(); {
		case err == nil && c.err == "":
			if got := q.config().Queues[0].Partitions.Count; got != c.count {
				t.Errorf("%s: %d partitions, want %d", c.why, got, c.count)
			}
		case err == nil, err.Error() != c.err:
			t.Errorf("%s: %v, want %q", c.why, err, c.err)
		}
	}
}
