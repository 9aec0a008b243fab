package lambda

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/queue"
	"picloud/node/wait"
)

// run is one attempt to do a job.
type run struct {
	*Server
	function *function // nil if there is none for the job
	delivery *queue.Delivery
	ending   context.Context // until when calls of the source are worth their while

	returned <-chan result // of a function that is not waited for any more
}

// result is what a function returned.
type result struct {
	effect *Effect
	err    error
	panics bool
}

// How a run ends, as its metric says it.
const (
	done       = "done"
	failed     = "failed"
	panicked   = "panicked"
	late       = "late"        // it had not returned by its deadline
	conflict   = "conflict"    // a condition of its effect did not hold, again and again
	lost       = "lost"        // its reservation was over
	stopped    = "stopped"     // by the node's stop
	unknown    = "unknown"     // nobody knows whether its effect was written
	noFunction = "no function" // for the job's kind on this node
)

// mostConflicts is how often a function is run again at once as a condition of its effect did not hold.
const mostConflicts = 8

var (
	errLate = errors.New("it had not returned by its deadline")
	errLost = errors.New("its reservation is over")
)

// run does the job, ends it, and says that it has ended. Its room is free again once the function has returned.
func (r *run) run(ctx context.Context, ended func()) {
	defer r.slots.free(r.function)
	m := r.metrics.of(r.function, &r.delivery.Job)
	m.inFlight.Inc()
	defer m.inFlight.Dec()
	began := time.Now()
	outcome := r.attempt(ctx, m)
	m.ended(outcome, time.Since(began))
	ended()
	if r.returned != nil {
		m.stuck.Inc()
		<-r.returned
		m.stuck.Dec()
		r.say("a function has returned at last", "after", time.Since(began), "deadline", r.function.Deadline)
	}
}

// attempt does the job and ends it, and returns how.
func (r *run) attempt(ctx context.Context, m *functionMetrics) string {
	if r.function == nil {
		return r.fail(noFunction, errors.New("no function of this node does jobs of its kind"))
	}
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	limited, cancel := context.WithTimeoutCause(ctx, r.function.Deadline, errLate)
	defer cancel()
	counts := limited // for as long as this lasts, what the function returns counts
	if mutant.Planted == mutant.LateEffect {
		counts = ctx
	}
	var holding sync.WaitGroup
	defer holding.Wait()
	held, release := context.WithCancel(r.ending)
	defer release()
	holding.Go(func() { r.hold(held, func() { lose(errLost) }) })

	for tries := 1; ; tries++ {
		got := r.do(limited, counts)
		switch why := over(counts); {
		case why != nil:
			return r.giveUp(why)
		case got.panics:
			return r.fail(panicked, got.err)
		case got.err != nil:
			return r.fail(failed, got.err)
		}
		outcome, err := r.finish(got.effect)
		if outcome != conflict {
			return outcome
		}
		m.conflicts.Inc()
		if tries == mostConflicts {
			return r.fail(conflict, err)
		}
		wait.For(counts, rand.N(10*time.Millisecond<<min(tries, 5)))
	}
}

// do runs the function with a context, and waits for it for as long as what it returns counts.
func (r *run) do(ctx, counts context.Context) (got result) {
	if over(counts) != nil {
		return
	}
	returned := make(chan result, 1)
	go func() {
		got := result{err: errors.New("it has ended its goroutine")}
		defer func() {
			if why := recover(); why != nil {
				got = result{err: fmt.Errorf("panic: %v", why), panics: true}
				r.log.Error("a function has panicked", r.attributes("why", fmt.Sprint(why), "stack", string(debug.Stack()))...)
			}
			returned <- got
		}()
		d := r.delivery
		got.effect, got.err = r.function.Do(ctx, &Run{Job: d.Job, ID: runID(d), Partition: d.Partition, Attempt: d.Attempt})
	}()
	select {
	case got = <-returned:
	case <-counts.Done():
		r.returned = returned
	}
	return got
}

// runID tells jobs apart, also those of one unique name, which have one ID.
func runID(d *queue.Delivery) string {
	if d.Serial == 0 {
		return d.ID
	}
	return fmt.Sprintf("%s-%016x", d.ID, d.Serial)
}

// over returns why what a function returns does not count any more, nil if it does.
func over(counts context.Context) error {
	if counts.Err() != nil {
		return context.Cause(counts)
	}
	if until, is := counts.Deadline(); is && !time.Now().Before(until) { // its timer has not run yet
		return errLate
	}
	return nil
}

// giveUp ends a run that may not end well any more.
func (r *run) giveUp(why error) string {
	switch {
	case errors.Is(why, errLost):
		r.say("a job was lost while it was run", "error", why)
		return lost
	case errors.Is(why, errStopped):
		if err := r.end(r.delivery.Release); err != nil {
			r.say("a job that was not done is not given back", "error", err)
		}
		return stopped
	}
	return r.fail(late, fmt.Errorf("%w, after %s", why, r.function.Deadline))
}

// fail says that the run failed, and why.
func (r *run) fail(outcome string, why error) string {
	r.say("a job's run has failed", "outcome", outcome, "error", why)
	if err := r.end(func(ctx context.Context) error { return r.delivery.Fail(ctx, why.Error()) }); err != nil {
		r.say("the queue was not told that a run failed", "error", err)
	}
	return outcome
}

// finish writes the effect and ends the job.
func (r *run) finish(e *Effect) (outcome string, err error) {
	if e == nil {
		e = &Effect{}
	}
	err = r.end(func(ctx context.Context) error { return r.delivery.Done(ctx, e.If, e.Then, e.Jobs) })
	switch api.KindOf(err) {
	case "":
		return done, nil
	case api.ConditionFailed:
		return conflict, fmt.Errorf("a condition of its effect does not hold: %w", err)
	case api.NotFound:
		r.say("a job was lost before its effect was written", "error", err)
		return lost, err
	case api.Unknown, api.Unavailable:
		r.say("nobody knows whether a job's effect was written; if not it is run again", "error", err)
		return unknown, err
	}
	return r.fail(failed, fmt.Errorf("its effect cannot be written: %w", err)), err
}

// end ends the reservation. It calls again while nobody knows what came of the call: only one takes effect.
func (r *run) end(call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(r.ending, r.config.Hold)
	defer cancel()
	doubt := false
	for tries := 0; ; tries++ {
		err := call(ctx)
		switch kind := api.KindOf(err); {
		case kind == api.Unknown || kind == api.Unavailable:
			doubt = doubt || kind == api.Unknown
		case doubt && kind == api.NotFound:
			return api.Errorf(api.Unknown, "end a job", r.delivery.ID, "an earlier call may have ended it: %s", err)
		default:
			return err
		}
		if !wait.For(ctx, rand.N(20*time.Millisecond<<min(tries, 6))) {
			return err
		}
	}
}

// hold keeps the job reserved until the context ends. It calls lost once it is not reserved any more.
func (r *run) hold(ctx context.Context, lost func()) {
	every := r.config.Hold / 4
	for begun := time.Now(); wait.For(ctx, every-time.Since(begun)); {
		begun = time.Now()
		limited, cancel := context.WithTimeout(ctx, every)
		err := r.delivery.Heartbeat(limited, r.config.Hold)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
		case api.KindOf(err) == api.NotFound:
			lost()
			return
		default:
			r.metrics.failedHeartbeats.Inc()
			r.say("a job's reservation is not extended for now", "error", err)
		}
	}
}

// say logs what happened to the job.
func (r *run) say(message string, more ...any) {
	r.log.Warn(message, r.attributes(more...)...)
}

func (r *run) attributes(more ...any) []any {
	d := r.delivery
	return append([]any{"queue", d.Job.Queue, "kind", d.Job.Kind, "job", d.ID, "partition", d.Partition, "attempt", d.Attempt}, more...)
}
