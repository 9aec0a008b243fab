package queue

import (
	"testing"
	"time"
)

// TestWaitsGrowUpToTheirLimit: what is allowed as a configuration has a wait after each attempt that a job may have.
func TestWaitsGrowUpToTheirLimit(t *testing.T) {
	for _, q := range []Queue{
		{Backoff: time.Second, BackoffMost: 10 * time.Minute},
		{Backoff: 5 * time.Second, BackoffMost: time.Hour},
		{Backoff: time.Minute, BackoffMost: MaxDelay},
		{Backoff: MaxDelay, BackoffMost: MaxDelay},
		{Backoff: 1, BackoffMost: 3},
	} {
		most := q.Backoff
		for attempt := 1; attempt <= MaxAttempts; attempt++ {
			if got := q.backoff(attempt); got > max(most, time.Millisecond) || got < most/2 {
				t.Errorf("of %s and at most %s the wait after attempt %d is %s, not %s to %s", q.Backoff, q.BackoffMost, attempt, got, most/2, most)
			}
			most = min(2*most, q.BackoffMost)
		}
	}
}
