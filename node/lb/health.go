package lb

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"picloud/node/wait"
)

// look asks a server for its health until the context ends or the server is announced no more.
func (p *pool) look(ctx context.Context, s *server) {
	for ctx.Err() == nil && !p.isGone(s) {
		p.checked(s, p.healthy(ctx, s))
		every := p.policy.HealthEvery
		wait.For(ctx, every*9/10+rand.N(every/5+1)) // not all at the same time
	}
}

func (p *pool) isGone(s *server) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.gone
}

func (p *pool) healthy(ctx context.Context, s *server) bool {
	ctx, cancel := context.WithTimeout(ctx, p.policy.HealthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+p.policy.HealthPath, nil)
	if err != nil {
		return false
	}
	reply, err := p.transport.RoundTrip(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, io.LimitReader(reply.Body, 64<<10))
	return reply.Body.Close() == nil && err == nil && reply.StatusCode/100 == 2
}

// watch judges the servers every second until the context ends.
func (p *pool) watch(ctx context.Context) {
	for wait.For(ctx, time.Second) {
		p.judge()
	}
}
