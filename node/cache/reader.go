// Package cache keeps what was read of the store in the memory of cache servers, and says of each answer how old it may be.
// README.md is for users.
//
// Invariants:
//   - An answer was current at some instant between the bound before it was asked for and the time it came; who cannot keep
//     that refuses, and the store is asked.
//   - A value that was read before a change is not kept after the change is known.
package cache

import (
	"context"
	"time"

	"picloud/node/api"
)

// Reader reads of the store what may be a little old.
type Reader interface {
	// Read answers one operation, a Get or a Scan.
	Read(ctx context.Context, o api.Op) (*Answer, error)
}

// Answer is what was read.
type Answer struct {
	api.Result
	Revision uint64        // of the partition's group: the answer is as of this revision or a later one, up to what Age says
	Age      time.Duration // how old it may be; zero from the store itself
	From     string        // the server that kept it; empty from the store itself
}

// Direct reads from the store itself, for clouds without cache servers.
func Direct(store api.Store) Reader { return direct{store} }

type direct struct{ store api.Store }

func (d direct) Read(ctx context.Context, o api.Op) (*Answer, error) {
	reply, err := d.store.Txn(ctx, &api.Txn{Then: []api.Op{o}})
	if err != nil {
		return nil, err
	}
	return &Answer{Result: reply.Results[0], Revision: reply.Revision}, nil
}
