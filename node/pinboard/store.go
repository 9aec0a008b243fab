package pinboard

import (
	"context"
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

// reading is what one request reads, and how old the oldest of it may be. It is for one goroutine.
type reading struct {
	from   cache.Reader
	oldest time.Duration
}

func newReading(from cache.Reader) *reading { return &reading{from: from} }

func (r *reading) do(ctx context.Context, o api.Op) (*api.Result, error) {
	found, err := r.all(ctx, o)
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

// all reads several things at once.
func (r *reading) all(ctx context.Context, ops ...api.Op) ([]api.Result, error) {
	answers, err := r.from.Read(ctx, ops...)
	if err != nil {
		return nil, api.ReadError(err)
	}
	found := make([]api.Result, len(answers))
	for i := range answers {
		r.oldest, found[i] = max(r.oldest, answers[i].Age), answers[i].Result
	}
	return found, nil
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
	u, err := find[user](ctx, r, h.user())
	return u.active(), err
}
