package lb

import (
	"time"

	"picloud/node/mutant"
)

// limiter finds out how many requests a server can have at a time without making all of them wait.
//
// A server is overloaded when even its quickest answers have become slow: as CoDel does with packets, it looks at
// the least time within an interval and not at the mean, which a few slow requests raise (Nichols and Jacobson,
// Controlling Delay Active Queue Management, RFC 8289). The limit then shrinks by a tenth, if at least half of it was
// in use: fewer requests are slow for another reason. It grows by one in an interval in which it was reached and no
// queue was seen.
//
// How quick a server is shows when it has next to nothing to do. A load that lasts must not pass for that: under load
// what counts as quick rises by a hundredth a minute, and no more.
type limiter struct {
	limit, most int

	least   time.Duration // the quickest answer of the interval
	answers int
	peak    int // the most requests that the server had in the interval
	until   time.Time

	base      time.Duration // how quick it is; zero if nobody knows yet
	quiet     time.Duration // the quickest answer of this minute while it had next to nothing to do; zero if there is none
	baseUntil time.Time     // the minute's end
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
	l.peak = max(l.peak, inFlight)
	if now.Before(l.until) || l.answers < limitAnswers {
		return
	}
	l.learn(now)
	l.adjust()
	l.answers, l.peak, l.until = 0, 0, now.Add(limitInterval)
}

// learn takes note of how quick the server is.
func (l *limiter) learn(now time.Time) {
	if now.After(l.baseUntil) {
		if l.base += l.base / 100; l.quiet > 0 {
			l.base = l.quiet
		}
		l.quiet, l.baseUntil = 0, now.Add(baseInterval)
	}
	if l.peak <= fewestInFlight && (l.quiet == 0 || l.least < l.quiet) {
		l.quiet = l.least
	}
	if l.base == 0 || l.least < l.base {
		l.base = l.least
	}
}

func (l *limiter) adjust() {
	switch {
	case mutant.Planted == mutant.UnlimitedServers:
		l.limit = l.most
	case l.least > 2*l.base+slack:
		if 2*l.peak >= l.limit {
			l.limit = max(min(fewestInFlight, l.most), l.limit*9/10)
		}
	case l.peak >= l.limit:
		l.limit = min(l.limit+1, l.most)
	}
}
