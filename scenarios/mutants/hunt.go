package mutants

import (
	"context"
	"errors"
	"sync"

	"picloud/reports"
)

// Play plays a seed on a core and returns its result.
type Play func(ctx context.Context, core int, seed uint64) (*reports.Result, error)

// Found is the least seed whose run failed.
type Found struct {
	Seed   uint64
	Result *reports.Result
}

// Hunt plays the seeds from 1 to most in order, so many at one time, until a run fails. It returns
// nil if none does. After a run has failed those with greater seeds are given up, and those with
// smaller ones are awaited.
func Hunt(ctx context.Context, most uint64, workers int, play Play) (*Found, error) {
	h := &hunt{play: play, most: most, running: map[uint64]context.CancelFunc{}}
	var all sync.WaitGroup
	for core := range workers {
		all.Go(func() {
			for h.next(ctx, core) {
			}
		})
	}
	all.Wait()
	return h.found, errors.Join(h.err, ctx.Err())
}

// hunt is a hunt under way.
type hunt struct {
	play Play

	mu      sync.Mutex
	begun   uint64 // the last seed that was begun
	most    uint64 // the last seed worth playing
	running map[uint64]context.CancelFunc
	found   *Found
	err     error
}

// next plays the next seed, and tells whether there may be another.
func (h *hunt) next(ctx context.Context, core int) bool {
	h.mu.Lock()
	if ctx.Err() != nil || h.begun >= h.most {
		h.mu.Unlock()
		return false
	}
	h.begun++
	seed := h.begun
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h.running[seed] = cancel
	h.mu.Unlock()

	result, err := h.play(ctx, core, seed)

	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.running, seed)
	switch {
	case seed > h.most: // given up
	case err != nil:
		h.err = errors.Join(h.err, err)
		h.stop(0)
	case result.Verdict == reports.Fail:
		h.found = &Found{seed, result}
		h.stop(seed - 1)
	}
	return true
}

// stop gives up all seeds after the last one worth playing.
func (h *hunt) stop(last uint64) {
	h.most = min(h.most, last)
	for seed, cancel := range h.running {
		if seed > last {
			cancel()
		}
	}
}

// Check returns the name of the check that failed, the first if there are several.
func (f *Found) Check() string {
	for _, c := range f.Result.Checks {
		if c.Status == reports.Fail {
			return c.Name
		}
	}
	return ""
}
