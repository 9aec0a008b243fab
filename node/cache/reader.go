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
	"picloud/node/wait"
)

// Reader reads of the store what may be a little old.
type Reader interface {
	// Read answers operations, Gets and Scans, in their order. They may be of several partitions: each answer is as of an
	// instant of its own.
	Read(ctx context.Context, ops ...api.Op) ([]Answer, error)
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

// Read reads in one transaction what is of one partition.
func (d direct) Read(ctx context.Context, ops ...api.Op) ([]Answer, error) {
	batches := batchesOf(ops)
	answers := make([]Answer, len(ops))
	if err := wait.Together(len(batches), func(i int) error { return d.readBatch(ctx, ops, batches[i], answers) }); err != nil {
		return nil, err
	}
	return answers, nil
}

// batchesOf returns the places of operations that one transaction can do, batch by batch.
func batchesOf(ops []api.Op) (batches [][]int) {
	open := map[string]int{} // where a partition's batch is
	for i := range ops {
		partition := api.Partition(ops[i].Key)
		at, is := open[partition]
		if !is || len(batches[at]) == api.MaxTxnOps {
			at = len(batches)
			open[partition], batches = at, append(batches, nil)
		}
		batches[at] = append(batches[at], i)
	}
	return batches
}

func (d direct) readBatch(ctx context.Context, ops []api.Op, places []int, answers []Answer) error {
	t := &api.Txn{}
	for _, i := range places {
		t.Then = append(t.Then, ops[i])
	}
	reply, err := d.store.Txn(ctx, t)
	if err != nil {
		return err
	}
	for n, i := range places {
		answers[i] = Answer{Result: reply.Results[n], Revision: reply.Revision}
	}
	return nil
}
