// Package lambda runs functions for jobs that wait in queues. README.md is for those who write functions.
//
// Invariants:
//   - What a function returns to be written is written once, in the transaction that ends its job.
//   - A function that is past its deadline writes nothing by what it returns, and its job is run again.
//   - A node reserves no more jobs than it has room to run at once; a function that does not return keeps its room.
package lambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

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
	ID        string // of the job: the same in each of its runs, and another for each job that is enqueued
	Partition string // in which the job lies, and into which its effect is written
	Attempt   int    // 1 for the first
}

// Effect is what is written when a run has ended well, together with the job's end. Nil is none. If one of its
// conditions does not hold, nothing is written and the function is run again.
type Effect = queue.Effect

const (
	defaultDeadline = 30 * time.Second
	longestDeadline = time.Hour
	defaultAtOnce   = 4
	mostAtOnce      = 1024
)

func (f Function) withDefaults() Function {
	f.Deadline = cmp.Or(f.Deadline, defaultDeadline)
	f.AtOnce = cmp.Or(f.AtOnce, defaultAtOnce)
	return f
}

func (f *Function) validate() error {
	job := queue.Job{Queue: f.Queue, Kind: f.Kind}
	if err := job.Validate(); err != nil {
		return err
	}
	switch {
	case f.Deadline < 0 || f.Deadline > longestDeadline:
		return fmt.Errorf("a deadline is up to %s, not %s", longestDeadline, f.Deadline)
	case f.AtOnce < 0 || f.AtOnce > mostAtOnce:
		return fmt.Errorf("there are 1 to %d runs at once, not %d", mostAtOnce, f.AtOnce)
	case f.Do == nil:
		return errors.New("it does nothing")
	}
	return nil
}
