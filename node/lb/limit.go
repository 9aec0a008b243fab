package lb

import (
	"time"

	"picloud/node/mutant"
)

// limiter finds out how many requests a server can have at a time without making all of them wait.
//
// A server is overloaded when even its quickest answers have become slow: as CoDel does with packets, it looks at
// the least time within an interval and not at the mean, which a few slow requests raise (Nichols and Jacobson,
// Controlling Delay Active Queue Management, RFC 8289). The limit then shrinks by a tenth; it grows by one in an
// interval in which it was reached and no queue was seen.
type limiter struct {
	limit, most int

	least   time.Duration // the quickest answer of the interval
	answers int
	reached bool // the limit was reached in the interval
	until   time.Time

	base      [2]time.Duration // the quickest answers of the minute, and of the one before; zero if there are none
	baseUntil time.Time
}

const (
	fewestInFlight = 4
	firstInFlight  = 32
	limitInterval  = 200 * time.Millisecond
	limitAnswers   = 5 // fewer say nothing
	baseInterval   = time.Minute
	slack          = 5 * time.Millisecond // no queue is worth mentioning below it
)

func newLimiter(most int) limiter { return limiter{limit: min(firstInFlight, most), most: most} }

// answered takes note of an answer, and of how many requests the server had with it.
func (l *limiter) answered(now time.Time, took time.Duration, inFlight int) {
	if l.answers == 0 || took < l.least {
		l.least = took
	}
	l.answers++
	l.reached = l.reached || inFlight >= l.limit
	if now.Before(l.until) || l.answers < limitAnswers {
		return
	}
	l.adjust(now)
	l.answers, l.reached, l.until = 0, false, now.Add(limitInterval)
}

func (l *limiter) adjust(now time.Time) {
	if now.After(l.baseUntil) {
		l.base[1], l.base[0], l.baseUntil = l.base[0], 0, now.Add(baseInterval)
	}
	if l.base[0] == 0 || l.least < l.base[0] {
		l.base[0] = l.least
	}
	base := l.base[0]
	if l.base[1] > 0 {
		base = min(base, l.base[1])
	}
	switch {
	case mutant.Planted == mutant.UnlimitedServers:
		l.limit = l.most
	case l.least > 2*base+slack:
		l.limit = max(min(fewestInFlight, l.most), l.limit*9/10)
	case l.reached:
		l.limit = min(l.limit+1, l.most)
	}
}
