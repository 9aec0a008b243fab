package lb

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/presence"
)

// pool is the servers of a service.
type pool struct {
	service   string
	policy    Policy
	transport http.RoundTripper
	metrics   *metrics
	retries   *budget
	hedges    *budget

	mu      sync.Mutex
	servers []*server // in the order of their IDs
	queue   queue
	late    time.Duration // when an answer is later than almost all others; zero while that is not known
}

func newPool(service string, policy Policy, transport http.RoundTripper, m *metrics) *pool {
	m.expect(service)
	return &pool{service: service, policy: policy, transport: transport, metrics: m,
		retries: newBudget(policy.RetryPercent), hedges: newBudget(policy.HedgePercent),
		queue: queue{most: policy.Queue, wait: policy.QueueWait}}
}

// set makes the pool know who is there. A server that is there no more ends what it has begun. It returns those
// that are new.
func (p *pool) set(list []presence.Instance) (added []*server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var servers []*server
	for _, i := range list {
		at := slices.IndexFunc(p.servers, func(s *server) bool { return s.ID == i.ID && s.Address == i.Address })
		if at < 0 {
			s := &server{Instance: i, limiter: newLimiter(p.policy.InFlight)}
			added = append(added, s)
			servers = append(servers, s)
			continue
		}
		p.servers[at].Wants = i.Wants
		servers = append(servers, p.servers[at])
	}
	for _, s := range p.servers {
		s.gone = !slices.Contains(servers, s)
	}
	p.servers = servers
	p.serve(time.Now())
	return added
}

// checks tells whether one of the servers is at an address and takes checked streams.
func (p *pool) checks(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.servers, func(s *server) bool { return s.Address == address && s.Checked })
}

// checked takes note of an answer to a question for a server's health.
func (p *pool) checked(s *server, healthy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if healthy == s.up {
		s.streak = 0
		return
	}
	s.streak++
	switch now := time.Now(); {
	case healthy && (s.streak >= p.policy.Rise || s.since.IsZero()):
		s.up, s.streak, s.failures, s.since = true, 0, 0, now
		p.serve(now)
	case !healthy && s.streak >= p.policy.Fall:
		s.up, s.streak = false, 0
	}
}

// in returns the servers that requests may go to. If none is well, they may go to all that want any: a health
// check that fails everywhere says more about itself than about them.
func (p *pool) in(now time.Time) []*server {
	var well, any []*server
	for _, s := range p.servers {
		if s.in(now) {
			well = append(well, s)
		}
		if !s.Draining {
			any = append(any, s)
		}
	}
	if len(well) > 0 {
		return well
	}
	return any
}

// free returns the server that the next request goes to: the one with less to do for its weight of two that are chosen at random,
// by their weights, of those that have room. It is one that is warm and was not tried, if there is one; nil if none has room.
func (p *pool) free(now time.Time, tried []*server) *server {
	var warm, cold, again []*server
	for _, s := range p.in(now) {
		switch {
		case s.inFlight >= s.room():
		case slices.Contains(tried, s):
			again = append(again, s)
		case s.warm(now, p.policy.SlowStart):
			warm = append(warm, s)
		default:
			cold = append(cold, s)
		}
	}
	for _, choice := range [][]*server{warm, cold, again} {
		if len(choice) == 0 {
			continue
		}
		first := draw(choice, nil)
		if len(choice) == 1 {
			return first
		}
		if second := draw(choice, first); second.busier(first) < 0 {
			return second
		}
		return first
	}
	return nil
}

// draw returns one of some servers other than one, each by its weight.
func draw(choice []*server, other *server) *server {
	sum := 0
	for _, s := range choice {
		if s != other {
			sum += s.Weighs()
		}
	}
	at := rand.IntN(sum)
	for _, s := range choice {
		if s == other {
			continue
		}
		if at -= s.Weighs(); at < 0 {
			return s
		}
	}
	return nil // does not happen: the weights are what they sum up to
}

// take returns a server for a request, which may wait for one to have room.
func (p *pool) take(ctx context.Context, rank int) (*server, error) {
	p.mu.Lock()
	now := time.Now()
	if len(p.in(now)) == 0 {
		p.mu.Unlock()
		return nil, api.Errorf(api.Unavailable, "pass on to", p.service, "no server of it is there")
	}
	if p.queue.length() == 0 {
		if s := p.free(now, nil); s != nil {
			s.inFlight++
			p.mu.Unlock()
			return s, nil
		}
	}
	w := &waiter{rank: rank, given: make(chan *server, 1)}
	patience := p.queue.patience(now)
	added := p.queue.add(w, now)
	p.mu.Unlock()
	if !added {
		return nil, p.shed(rank, "too many requests wait")
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case s := <-w.given:
		if s == nil {
			return nil, p.shed(rank, "a request of a higher priority took its place")
		}
		return s, nil
	case <-timer.C:
		if s := p.giveUp(w); s != nil {
			return s, nil
		}
		return nil, p.shed(rank, "all servers were busy for too long")
	case <-ctx.Done():
		if s := p.giveUp(w); s != nil {
			return s, nil
		}
		if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
			return nil, cause // nobody waits any more
		}
		return nil, p.shed(rank, "its time was over before a server had room")
	}
}

func (p *pool) shed(rank int, why string) error {
	p.metrics.shed.WithLabelValues(p.service, string(priorities[rank])).Inc()
	return api.Errorf(api.Unavailable, "pass on to", p.service, "%s", why)
}

// giveUp ends a request's waiting. It returns the server that the request was given just now, if it was.
func (p *pool) giveUp(w *waiter) *server {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue.remove(w) {
		return nil
	}
	return <-w.given
}

// takeAnother returns a server for one more attempt, nil if none has room now.
func (p *pool) takeAnother(tried []*server) *server {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.free(time.Now(), tried)
	if s != nil {
		s.inFlight++
	}
	return s
}

// answered takes note of what came of a request. The server has it until it is released.
func (p *pool) answered(s *server, took time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	s.note(answer{now, took, ok})
	if ok {
		s.limiter.answered(now, took, s.inFlight)
	}
	if s.failures >= failuresInRow && !p.othersFail(s, now) {
		p.eject(s, now, "failures")
	}
}

// release gives back what take returned.
func (p *pool) release(s *server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.inFlight--
	p.serve(time.Now())
}

// place is what a request takes of a server, under the pool's lock.
type place struct {
	server  *server
	stream  bool // it takes no request's place, as its client is slow
	answers bool // its answer has begun
	over    bool
}

const (
	slowAfter   = 500 * time.Millisecond // for so long a body may be sent before it is a stream
	streamAfter = 2 * time.Second        // and an answer read
)

// lasts gives the place of what is a stream to another request, unless there are as many streams already as there may be requests.
func (p *pool) lasts(at *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := at.server
	if at.over || at.stream || s.streams >= p.policy.InFlight {
		return
	}
	at.stream = true
	s.streams++
	s.inFlight--
	p.serve(time.Now())
}

// counts makes a request whose body was a stream, and has come, one like any other: its server begins to work for it now.
func (p *pool) counts(at *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.over || at.answers || !at.stream {
		return
	}
	at.stream = false
	at.server.streams--
	at.server.inFlight++
}

// begins takes note that an answer has begun.
func (p *pool) begins(at *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.answers = true
}

// leaves gives back what a request took whose answer is read, or is not read on.
func (p *pool) leaves(at *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.over = true
	if at.stream {
		at.server.streams--
		return
	}
	at.server.inFlight--
	p.serve(time.Now())
}

// serve gives servers that have room to those who wait.
func (p *pool) serve(now time.Time) {
	for p.queue.length() > 0 {
		s := p.free(now, nil)
		if s == nil {
			return
		}
		s.inFlight++
		p.queue.next(now).given <- s
	}
}
