package lb

import (
	"context"
	"math/rand/v2"
	"time"

	"picloud/node/wait"
	"picloud/node/web"
)

// look asks a server for its health until the context ends or the server is announced no more.
func (p *pool) look(ctx context.Context, s *server) {
	for ctx.Err() == nil && !p.isGone(s) {
		p.checked(s, web.Healthy(ctx, p.transport, s.Address, p.policy.HealthPath, p.policy.HealthTimeout))
		every := p.policy.HealthEvery
		wait.For(ctx, every*9/10+rand.N(every/5+1)) // not all at the same time
	}
}

func (p *pool) isGone(s *server) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.gone
}

// watch judges the servers every second until the context ends.
func (p *pool) watch(ctx context.Context) {
	for wait.For(ctx, time.Second) {
		p.judge()
	}
}
