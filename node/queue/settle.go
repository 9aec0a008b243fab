package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
)

// ticket is a reservation, as whoever has it names it.
type ticket struct {
	place
	token uint64
}

// validate says what is wrong with a ticket that came from outside.
func (t *ticket) validate() error {
	const doing = "use a reservation"
	if !validName(t.queue) {
		return api.Errorf(api.BadRequest, doing, "", "%.80q is not a queue", t.queue)
	}
	if err := validPartition(t.partition); err != nil {
		return api.Errorf(api.BadRequest, doing, "", "%s", err)
	}
	if _, _, _, ok := splitID(t.id); !ok || t.token == 0 {
		return api.Errorf(api.BadRequest, doing, "", "%.80q with the token %d is no job's ID with its token", t.id, t.token)
	}
	return nil
}

func (t *ticket) over() error {
	return api.Errorf(api.NotFound, "use the reservation", t.id, "it is over: the job has ended, or waits, or is run by another")
}

// settler ends reservations: by moves, which another may make as well, and reads where they do not happen.
type settler struct {
	runner
	store api.Store
}

// heartbeat lets a reservation last.
func (s settler) heartbeat(ctx context.Context, t ticket, hold time.Duration) error {
	o, err := s.run(ctx, t.partition, heartbeat(t.place, t.token, hold))
	if err == nil && !o.happened {
		err = t.over()
	}
	return err
}

// done ends a job and writes its effect. If another job of its unique name has come since, that one is ready then.
func (s settler) done(ctx context.Context, t ticket, e *Effect) error {
	c, err := e.addition(t.partition)
	if err != nil {
		return err
	}
	if mutant.Planted == mutant.EarlyDone && len(c.Then) > 0 {
		o, err := s.run(ctx, t.partition, done(t.place, t.token, &addition{}))
		if err == nil && o.happened {
			_, err = s.run(ctx, t.partition, &move{If: c.If, Then: c.Then})
			return err
		}
	}
	o, err := s.run(ctx, t.partition, done(t.place, t.token, c))
	if err != nil || o.happened {
		return err
	}
	switch t.standing(o.seen[0], o.seen[1]) {
	case unsettled:
		return t.unmet()
	case overtaken:
		o, err = s.run(ctx, t.partition, doneReplaced(t.place, t.token, c))
		if err == nil && !o.happened {
			if t.standing(o.seen[0], o.seen[1]) == overtaken {
				return t.unmet()
			}
			return t.over()
		}
		return err
	}
	return t.over()
}

func (t *ticket) unmet() error {
	return api.Errorf(api.ConditionFailed, "end the job", t.id, "a condition of its effect does not hold")
}

// standing says what a reservation is by the job and the marker.
func (t *ticket) standing(job, held *api.Record) standing {
	switch {
	case job != nil && job.Modified == t.token:
		return unsettled
	case held != nil && held.Created == t.token:
		return overtaken
	}
	return over
}

type standing int

const (
	over      standing = iota
	unsettled          // the job is as it was reserved
	overtaken          // the reservation stands, and its job was replaced
)

// settleTries bounds how often a reservation is looked at again because it has changed in between.
const settleTries = 4

// end ends an attempt without an effect, by a move that depends on what the job is.
func (s settler) end(ctx context.Context, t ticket, move func(*record) *move) error {
	for range settleTries {
		reply, err := s.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: t.job()}, {Kind: api.Get, Key: t.held()}}})
		if err != nil {
			return err
		}
		found := records(reply)
		m := giveUp(t.place, t.token)
		switch t.standing(found[0], found[1]) {
		case over:
			return t.over()
		case unsettled:
			r, err := decodeRecord(found[0].Value)
			if err != nil {
				return api.Errorf(api.Damaged, "read the job", t.id, "%s", err)
			}
			m = move(r)
		}
		if o, err := s.run(ctx, t.partition, m); err != nil || o.happened {
			return err
		}
	}
	return api.Errorf(api.Unavailable, "end the attempt of", t.id, "the job changes all the time")
}

// fail ends an attempt that failed.
func (s settler) fail(ctx context.Context, t ticket, q *Queue, why string) error {
	return s.end(ctx, t, func(r *record) *move {
		r.failed(why)
		if q.usedUp(r) {
			return bury(t.place, *r, t.token, q.DeadFor)
		}
		return sleep(t.place, r, t.token, q.backoff(r.Attempt))
	})
}

// release ends an attempt that does not count.
func (s settler) release(ctx context.Context, t ticket) error {
	return s.end(ctx, t, func(r *record) *move { return giveBack(t.place, *r, t.token) })
}

// usedUp tells whether a job has had all of its attempts.
func (q *Queue) usedUp(r *record) bool { return r.Attempt >= q.attempts(r) }

// attempts returns how many attempts a job may have.
func (q *Queue) attempts(r *record) int {
	if r.Attempts > 0 {
		return r.Attempts
	}
	return q.Attempts
}

// backoff returns how long a job sleeps after an attempt: twice as long after each, up to a limit, of which the half is
// left to chance, so that what failed together does not come back together.
func (q *Queue) backoff(attempt int) time.Duration {
	most := q.BackoffMost
	if shift := max(0, attempt-1); q.Backoff <= most>>shift { // the other way round it could be more than a number holds
		most = q.Backoff << shift
	}
	if mutant.Planted == mutant.NoBackoff {
		most = 0
	}
	return max(time.Millisecond, most-rand.N(most/2+1))
}

func (t *ticket) String() string { return fmt.Sprintf("%s of %s in %s", t.id, t.queue, t.partition) }
