package queue

import (
	"context"
	"time"

	"picloud/node/api"
)

// Source is where workers get jobs from.
type Source interface {
	// Reserve waits until a job of some of the queues is ready, and returns one to most of them, each reserved for the
	// caller for as long as hold says, which may be zero for what its queue says. When the context ends it returns
	// none, which is no error. What it returns must be ended (Done, Fail, Release): otherwise the job is run again
	// when the hold is over, and the attempt counts.
	Reserve(ctx context.Context, queues []string, most int, hold time.Duration) ([]*Delivery, error)
}

// Delivery is a job that is reserved for who has it: one attempt to do it. All methods may be called at the same time,
// and again after an error; the first that ends it counts. They fail with the kinds
//
//   - api.NotFound: the reservation is over. The job was ended, is run by another or waits to be run again. What
//     the caller did for it must not count: nothing of it was written.
//   - api.ConditionFailed, of Done: a condition of the effect does not hold. Nothing was written, and the reservation stands.
//   - api.Unknown: it may have taken effect. If it has not, the job is run again.
type Delivery struct {
	Job       Job
	ID        string // of the job: the same in each attempt, and of all jobs of one unique name
	Serial    uint64 // tells jobs of one unique name apart: the same in each attempt; 0 without such a name
	Partition string // in which the job lies, and into which its effect is written
	Attempt   int    // 1 for the first
	Attempts  int    // with this one it is dead if it fails
	LastError string // of the attempt before, if it is known
	// Token stands for this reservation: a later one of the same job has a larger one.
	Token uint64
	Hold  time.Duration // how long it is reserved, from some time before it came here; heartbeats renew it

	Keeper Keeper
	server string // who handed it out
}

// Keeper ends reservations. Tests of workers bring their own.
type Keeper interface {
	Heartbeat(ctx context.Context, d *Delivery, hold time.Duration) error
	Done(ctx context.Context, d *Delivery, e *Effect) error
	Fail(ctx context.Context, d *Delivery, why string) error
	Release(ctx context.Context, d *Delivery) error
}

// Effect is what is written together with a job's end. All of it lies in the job's partition.
type Effect struct {
	If   []api.Compare `json:"if,omitempty"`   // all hold, or nothing is written and the job has not ended
	Then []api.Op      `json:"then,omitempty"` // writes only
	Jobs []Job         `json:"jobs,omitempty"` // are enqueued
}

// Heartbeat lets the reservation last for as long as hold says from now on, zero for what the queue says.
func (d *Delivery) Heartbeat(ctx context.Context, hold time.Duration) error {
	return d.Keeper.Heartbeat(ctx, d, hold)
}

// Done ends the job and writes its effect in one transaction, if all comparisons hold.
func (d *Delivery) Done(ctx context.Context, If []api.Compare, Then []api.Op, jobs []Job) error {
	return d.Keeper.Done(ctx, d, &Effect{If: If, Then: Then, Jobs: jobs})
}

// Fail says that the attempt failed, and why. The job is run again after a while, or dead if this was its last attempt.
func (d *Delivery) Fail(ctx context.Context, why string) error { return d.Keeper.Fail(ctx, d, why) }

// Release gives the job back as if it had not been reserved: the attempt does not count.
func (d *Delivery) Release(ctx context.Context) error { return d.Keeper.Release(ctx, d) }

func (d *Delivery) ticket() *ticket {
	return &ticket{place{d.Partition, d.Job.Queue, d.ID}, d.Token}
}
