package pinboard

import (
	"context"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/cache"
)

// run runs a transaction. An error that is not of kind Unknown says that nothing was written.
func (p *Pinboard) run(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	reply, err := p.kit.Store.Txn(ctx, t)
	if err != nil {
		return nil, api.TxnError(t, err)
	}
	return reply, nil
}

// read reads all of some operations of one partition at one instant, from the store itself.
func (p *Pinboard) read(ctx context.Context, ops ...api.Op) ([]api.Result, error) {
	reply, err := p.run(ctx, &api.Txn{Then: ops})
	if err != nil {
		return nil, err
	}
	return reply.Results, nil
}

// reading is what one request reads, and how old the oldest of it may be.
type reading struct {
	from cache.Reader

	mu     sync.Mutex
	age    time.Duration
	active map[string]bool // authors that were looked for
}

func newReading(from cache.Reader) *reading { return &reading{from: from, active: map[string]bool{}} }

func (r *reading) do(ctx context.Context, o api.Op) (*api.Result, error) {
	a, err := r.from.Read(ctx, o)
	if err != nil {
		return nil, api.ReadError(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.age = max(r.age, a.Age)
	return &a.Result, nil
}

// oldest returns how old the oldest of what was read may be.
func (r *reading) oldest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.age
}

// find reads a record, nil if there is none.
func find[T any](ctx context.Context, r *reading, key string) (*T, error) {
	found, err := r.do(ctx, get(key))
	if err != nil {
		return nil, err
	}
	return decode[T](first(found))
}

// isActive tells whether there is such a user, whose account was not deleted.
func (r *reading) isActive(ctx context.Context, h home) (bool, error) {
	r.mu.Lock()
	active, known := r.active[h.name]
	r.mu.Unlock()
	if known {
		return active, nil
	}
	u, err := find[user](ctx, r, h.user())
	if err != nil {
		return false, err
	}
	active = u.active()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[h.name] = active
	return active, nil
}
