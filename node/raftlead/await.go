package raftlead

import (
	"context"

	"github.com/hashicorp/raft"
)

// Await returns the error of a future, or ErrRaftShutdown once the member has ended. Hashicorp/raft (1.8.0) never answers those for entries that were
// agreed to and wait to be applied when it is shut down, nor questions that its main loop has not taken up by then.
func Await(f raft.Future, ended <-chan struct{}) error {
	return AwaitFor(context.Background(), f, ended)
}

// AwaitFor is Await for one who waits no longer than a context lasts, and has its error then. What was asked for may come to pass yet.
func AwaitFor(ctx context.Context, f raft.Future, ended <-chan struct{}) error {
	answer := make(chan error, 1)
	go func() { answer <- f.Error() }()
	select {
	case err := <-answer:
		return err
	case <-ended:
		return raft.ErrRaftShutdown
	case <-ctx.Done():
		return ctx.Err()
	}
}
