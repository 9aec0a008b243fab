package lb

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"picloud/node/presence"
)

// server is an instance of a service as the load balancer sees it. The pool's lock guards it.
type server struct {
	presence.Instance

	inFlight int
	streams  int // answers that are read for long, and are in flight no more
	limiter  limiter
	gone     bool // it is announced no more

	up     bool      // its health says so
	streak int       // of checks that say otherwise
	since  time.Time // it has been in since

	ejected  time.Time // until then it is out, as it did worse than the others
	ejection int       // how many times in a row
	failures int       // in a row
	recent   []answer  // in their order
}

// answer is what came of a request.
type answer struct {
	at   time.Time
	took time.Duration
	ok   bool
}

const (
	recentFor  = 10 * time.Second
	recentMost = 128
)

// in tells whether requests may go to the server.
func (s *server) in(now time.Time) bool {
	return !s.gone && s.state(now) == stateIn
}

// room is how many requests the server may have at a time.
func (s *server) room() int { return s.Of(s.limiter.limit) }

// busier compares what two servers have to do for their weights.
func (s *server) busier(other *server) int {
	return cmp.Compare(s.inFlight*other.Weighs(), other.inFlight*s.Weighs())
}

// states of servers, in the order in which they are looked for.
const (
	stateDraining = "draining"
	stateDown     = "down"
	stateEjected  = "ejected"
	stateIn       = "in"
)

func (s *server) state(now time.Time) string {
	switch {
	case s.Draining:
		return stateDraining
	case !s.up:
		return stateDown
	case now.Before(s.ejected):
		return stateEjected
	}
	return stateIn
}

// warm tells whether a server that comes in takes part in a choice: the longer it is in, the more often.
func (s *server) warm(now time.Time, slowStart time.Duration) bool {
	in := now.Sub(s.since)
	return in >= slowStart || rand.N(slowStart) < max(in, slowStart/10)
}

// note keeps an answer in mind.
func (s *server) note(a answer) {
	s.failures++
	if a.ok {
		s.failures = 0
	}
	s.recent = append(s.recent, a)
	old := max(0, len(s.recent)-recentMost)
	for old < len(s.recent) && a.at.Sub(s.recent[old].at) > recentFor {
		old++
	}
	s.recent = slices.Delete(s.recent, 0, old)
}

// record is how a server did of late.
type record struct {
	answers int
	failed  int
	median  time.Duration // of all answers; what failed took as long as it took
}

func (s *server) record(now time.Time) (r record) {
	var took []time.Duration
	for _, a := range s.recent {
		if now.Sub(a.at) > recentFor {
			continue
		}
		r.answers++
		if !a.ok {
			r.failed++
		}
		took = append(took, a.took)
	}
	r.median = quantile(took, 50)
	return r
}

// quantile returns a percentile of times, which it sorts; zero if there are none.
func quantile(of []time.Duration, percent int) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[(len(of)-1)*percent/100]
}
