// Package shrink cuts a run that fails down to what it needs in order to fail: fewer faults, those at
// the end first, then shorter ones, then fewer clients, then fewer seconds.
//
// Invariants: a smaller run counts only if the same check is the first that fails. A seed decides
// everything, and a run with one fault less takes other turns; so before a failure is called gone,
// a few other seeds are played too, always the same ones. What the runs came to is remembered, and
// no run is played twice. How many run at one time changes how many are played, and not what is found.
package shrink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
)

// Run is a run to play: a scenario that is cut, and its seed.
type Run struct {
	scenarios.Cut
	Seed uint64
}

// key tells the run from all others of its scenario.
func (r *Run) key() string { return fmt.Sprint(r.Seed, r.Amounts, r.Faults) }

// Job is what to cut down.
type Job struct {
	Run     Run // which fails
	Seeds   int // played before a failure is called gone, the run's own among them
	Most    int // runs that are played
	Workers int // runs at one time

	FaultsOnly bool // leave out faults and the end of the run, and leave clients and the lengths of faults as they are

	// Possible says whether a scenario can be so. It costs nothing.
	Possible func(Run) bool
	// Play plays a run on a core.
	Play func(ctx context.Context, core int, r Run) (*reports.Result, error)
	// Smaller, if there is one, is called with the first run and with each smaller one that fails, and with how many were played.
	Smaller func(r Run, check string, played int) error
}

// The steps to which times are cut. A fault is cut to a sixteenth of what it was, or to a step.
const (
	faultStep = 100 * time.Millisecond
	runStep   = time.Second
)

// Found is what a run was cut down to.
type Found struct {
	Run     Run
	Check   string // which fails first
	Played  int
	Minimal bool // no single fault can be left out; else the runs were spent, or it was interrupted
}

var (
	// ErrPasses says that a run does not fail, so that there is nothing to cut down.
	ErrPasses = errors.New("the run does not fail")
	errSpent  = errors.New("no more runs are allowed")
)

// Shrink cuts a run down. With an error, also when it was interrupted, it returns the smallest run
// that was found until then, or nil if the first one was not played or passes.
func (j Job) Shrink(ctx context.Context) (*Found, error) {
	w := &work{Job: j, ctx: ctx, best: j.Run, known: map[string]string{}}
	w.ask(j.Run, []uint64{j.Run.Seed}, func(r *reports.Result) bool { return r.Broken() != "" })
	w.check = w.known[j.Run.key()]
	switch {
	case w.err != nil:
		return nil, w.err
	case w.check == "":
		return nil, ErrPasses
	}
	w.ending()
	minimal := false
	for first := true; !minimal && w.err == nil; first = false {
		before := len(w.best.Faults)
		w.faults()
		minimal = (!first && len(w.best.Faults) == before || j.FaultsOnly) && w.err == nil
		if !minimal {
			w.durations()
			w.amounts()
		}
	}
	if errors.Is(w.err, errSpent) {
		w.err = nil
	}
	return &Found{Run: w.best, Check: w.check, Played: w.played, Minimal: minimal}, w.err
}

// work is cutting under way.
type work struct {
	Job
	ctx   context.Context
	best  Run
	check string

	mu     sync.Mutex
	known  map[string]string // the check that failed first, by run
	played int
	err    error // why nothing more is played
}

// ending leaves out the last faults, and the time after them. It plays the run's own seed only: what happens before is the same. It
// comes first, as it takes few runs and makes all others shorter.
func (w *work) ending() {
	all := w.best.Faults
	least(0, int64(len(all)), 1, func(n int64) bool {
		r := w.best
		r.Faults = all[:n]
		return w.fails(r, []uint64{r.Seed})
	})
	for i, a := range w.best.Amounts {
		if a.IsTime() {
			w.amount(i, []uint64{w.best.Seed})
		}
	}
}

// faults leaves out faults, until no single one can be left out.
func (w *work) faults() {
	chaos.Shrink(w.best.Faults, len(w.best.Faults)*w.Most, func(part chaos.Schedule) bool {
		r := w.best
		r.Faults = part
		return w.fails(r, w.seeds())
	})
}

// durations heals faults earlier. It plays the run's own seed only: what happens before a fault heals is the same.
func (w *work) durations() {
	for i := range w.best.Faults {
		whole := w.best.Faults[i].For
		step := max(faultStep, (whole / 16).Truncate(faultStep))
		least(int64(min(step, whole)), int64(whole), int64(step), func(length int64) bool {
			r := w.best
			r.Faults = slices.Clone(r.Faults)
			r.Faults[i].For = time.Duration(length)
			return w.fails(r, []uint64{r.Seed})
		})
	}
}

// amounts makes clients fewer and then the run shorter.
func (w *work) amounts() {
	for i := range w.best.Amounts {
		w.amount(i, w.seeds())
	}
}

func (w *work) amount(i int, seeds []uint64) {
	step := int64(1)
	if w.best.Amounts[i].IsTime() {
		step = int64(runStep)
	}
	least(0, w.best.Amounts[i].Value, step, func(less int64) bool {
		r := w.best
		r.Amounts = slices.Clone(r.Amounts)
		r.Amounts[i].Value = less
		return w.fails(r, seeds)
	})
}

// least looks for the smallest number from low on with which a run fails, by halves, to a step: as
// if what fails with a number failed with each larger one. With high it is known to fail.
func least(low, high, step int64, fails func(int64) bool) {
	if low >= high || fails(low) {
		return
	}
	for high-low > step {
		middle := low + max(step, (high-low)/2/step*step)
		if fails(middle) {
			high = middle
		} else {
			low = middle
		}
	}
}

// seeds returns the seeds to play, the best run's own first.
func (w *work) seeds() []uint64 { return Seeds(w.best.Seed, w.Job.Run.Seed, w.Seeds) }

// Seeds returns some seeds that follow each other from the first on, and 0 the largest; the own one of them stands before the others.
func Seeds(own, first uint64, n int) []uint64 {
	seeds := []uint64{own}
	for i := range uint64(n) {
		if seed := first + i; seed != own {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

// fails tells whether a run fails the same check with one of the seeds; the first one that does makes it the best.
func (w *work) fails(r Run, seeds []uint64) bool {
	if w.err != nil || !w.Possible(r) {
		return false
	}
	return w.ask(r, seeds, func(result *reports.Result) bool { return result.Broken() == w.check })
}

// ask plays a run with seeds until it is as wanted, and makes it the best then.
func (w *work) ask(r Run, seeds []uint64, wanted func(*reports.Result) bool) bool {
	found, err := hunt.Hunt{Seeds: seeds, Workers: w.Workers, Wanted: wanted,
		Play: func(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
			one := r
			one.Seed = seed
			return w.play(ctx, core, one)
		}}.Run(w.ctx)
	if w.err = err; err != nil || found == nil {
		return false
	}
	r.Seed = found.Seed
	if w.Smaller != nil && (w.check == "" || r.key() != w.best.key()) {
		w.err = w.Smaller(r, found.Broken(), w.played)
	}
	w.best = r
	return true
}

// play plays a run, or remembers what it came to.
func (w *work) play(ctx context.Context, core int, r Run) (*reports.Result, error) {
	key := r.key()
	w.mu.Lock()
	check, known := w.known[key]
	if !known && w.played >= w.Most {
		w.mu.Unlock()
		return nil, errSpent
	}
	if !known {
		w.played++
	}
	w.mu.Unlock()
	if known {
		return resultOf(r.Seed, check), nil
	}
	result, err := w.Play(ctx, core, r)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[key] = result.Broken()
	return resultOf(r.Seed, result.Broken()), nil
}

// resultOf returns a result of which nothing but the check that failed first is known.
func resultOf(seed uint64, check string) *reports.Result {
	r := &reports.Result{Seed: seed}
	if check != "" {
		r.Checks = []reports.Check{{Name: check, Status: reports.Fail}}
	}
	r.Judge()
	return r
}

// Describe says in few words how large a run is.
func (r *Run) Describe() string {
	var parts []string
	for _, a := range r.Amounts {
		parts = append(parts, a.String())
	}
	var long time.Duration
	for _, f := range r.Faults {
		long += f.For
	}
	return fmt.Sprintf("%s of %s in all, %s, seed %d", Faults(len(r.Faults)), long, strings.Join(parts, ", "), r.Seed)
}

// Faults says how many faults there are.
func Faults(n int) string {
	if n == 1 {
		return "1 fault"
	}
	return fmt.Sprintf("%d faults", n)
}
