package blob

import (
	"context"
	"fmt"
	"time"

	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/queue"
)

// SweepAfter is how long a draft has to become a blob.
const SweepAfter = time.Hour

// SweepKind is the kind of the jobs that sweep drafts.
const SweepKind = "blob-sweep"

func sweepJob(queueName, id string) queue.Job {
	return queue.Job{Queue: queueName, Kind: SweepKind, Payload: []byte(id), Priority: queue.MaxPriority, Delay: SweepAfter.Milliseconds()}
}

// Sweep returns the function that sweeps what is left of drafts that did not become blobs. An application has it among
// its functions.
func (s *Store) Sweep() lambda.Function {
	return lambda.Function{Queue: s.queue, Kind: SweepKind, Do: s.sweep}
}

// sweep deletes what was written of a draft, on the condition that it is no blob. Whoever makes it one has the condition that
// its first part is there, so one of the two fails.
func (s *Store) sweep(ctx context.Context, r *lambda.Run) (*lambda.Effect, error) {
	h, err := ParseHandle(Handle{r.Partition, string(r.Job.Payload)}.String())
	if err != nil {
		return nil, fmt.Errorf("the job is not one of this package: %w", err)
	}
	reply, err := s.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: h.about()}, {Kind: api.Get, Key: h.part(0)}}})
	if err != nil {
		return nil, err
	}
	if len(reply.Results[0].Records) > 0 || len(reply.Results[1].Records) == 0 {
		return nil, nil // it is a blob, or was one
	}
	s.metrics.swept.Inc()
	return &lambda.Effect{If: []api.Compare{{Key: h.about(), What: api.Version, Is: "="}}, Then: []api.Op{h.Delete()}}, nil
}
