// Package lambda runs functions for jobs that wait in queues. README.md is for those who write functions.
//
// Invariants:
//   - What a function returns to be written is written once, in the transaction that ends its job.
//   - A function that is past its deadline writes nothing by what it returns, and its job is run again.
package lambda

import (
	"context"
	"time"

	"picloud/node/api"
	"picloud/node/queue"
)

// Function does the jobs of one kind.
type Function struct {
	Queue    string
	Kind     string
	Deadline time.Duration // of one run; 30 s if zero
	AtOnce   int           // runs at one time on a node; 4 if zero
	Do       func(ctx context.Context, r *Run) (*Effect, error)
}

// Run is one run of a job.
type Run struct {
	Job       queue.Job
	ID        string // of the job: the same in each of its runs
	Partition string // in which the job lies, and into which its effect is written
	Attempt   int    // 1 for the first
}

// Effect is what is written when a run has ended well, together with the job's end. Nil is none.
type Effect struct {
	If   []api.Compare // if one does not hold the job is run again
	Then []api.Op      // writes only
	Jobs []queue.Job   // that are enqueued
}
