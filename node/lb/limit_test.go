package lb

import (
	"math/rand/v2"
	"testing"
	"time"
)

// answers lets a limiter see answers of a server that had so many requests with each, one every few milliseconds.
func answers(l *limiter, from time.Time, n, inFlight int, took func() time.Duration) time.Time {
	for range n {
		from = from.Add(20 * time.Millisecond)
		l.answered(from, took(), min(inFlight, l.limit))
	}
	return from
}

// TestFewRequestsDoNotLowerTheLimit, however long each of them takes by its nature: they do not wait for each other.
func TestFewRequestsDoNotLowerTheLimit(t *testing.T) {
	l := newLimiter(1000)
	r := rand.New(rand.NewPCG(1, 2))
	now := answers(&l, time.Unix(0, 0), 100, 1, func() time.Duration { return time.Millisecond })
	answers(&l, now, 10_000, 2, func() time.Duration { return time.Duration(1+r.IntN(300)) * time.Millisecond })
	if l.limit < firstInFlight {
		t.Errorf("the limit is %d, although no more than 2 were there at a time", l.limit)
	}
}

// TestTheLimitFindsWhereRequestsBeginToWait: the server does four at a time, in 10 ms each.
func TestTheLimitFindsWhereRequestsBeginToWait(t *testing.T) {
	l := newLimiter(1000)
	now := answers(&l, time.Unix(0, 0), 100, 1, func() time.Duration { return 10 * time.Millisecond })
	full := func() time.Duration { return 10 * time.Millisecond * time.Duration(max(4, l.limit)) / 4 }
	for range 10 { // half an hour of it: what lasts must not pass for quick
		now = answers(&l, now, 10_000, 1000, full)
		if l.limit < 8 || l.limit > 13 { // 2.5 times as slow as it can be, and a third more
			t.Errorf("the limit is %d", l.limit)
		}
	}
	answers(&l, now, 10_000, 1000, func() time.Duration { return 10 * time.Millisecond }) // it has become larger
	if l.limit < 100 {
		t.Errorf("the limit is still %d on a server that does all at once", l.limit)
	}
}
