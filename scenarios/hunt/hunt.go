// Package hunt plays many seeds, some at one time, and may look for a run among them.
//
// Invariants: seeds are begun in the order of their list, and what is found is the earliest run in
// that order that is wanted, however many run at one time.
package hunt

import (
	"context"
	"errors"
	"math"
	"sync"

	"picloud/reports"
)

// Hunt is what to play.
type Hunt struct {
	Seeds   []uint64
	Workers int // runs at one time, at least one
	// Play plays a seed on a core.
	Play func(ctx context.Context, core int, seed uint64) (*reports.Result, error)
	// Wanted tells whether a run is what is looked for; without it all seeds are played.
	Wanted func(*reports.Result) bool
	// Each, if there is one, is called after every run that was not given up, one at a time.
	Each func(*reports.Result)
}

// Range returns the seeds from one to another.
func Range(from, to uint64) []uint64 {
	var seeds []uint64
	for seed := from; seed <= to; seed++ {
		seeds = append(seeds, seed)
		if seed == math.MaxUint64 { // none comes after it
			break
		}
	}
	return seeds
}

// Run plays the seeds until a run is wanted, and returns it, or nil if none is. Once one is found,
// later seeds are given up and earlier ones are awaited. So does a run that cannot be made, which is an error unless an earlier one is wanted.
func (h Hunt) Run(ctx context.Context) (*reports.Result, error) {
	u := &underWay{Hunt: h, most: len(h.Seeds), running: map[int]context.CancelFunc{}}
	var all sync.WaitGroup
	for core := range max(h.Workers, 1) {
		all.Go(func() {
			for u.next(ctx, core) {
			}
		})
	}
	all.Wait()
	return u.found, errors.Join(u.err, ctx.Err())
}

// underWay is a hunt under way. Seeds are known by their place in the list.
type underWay struct {
	Hunt

	mu      sync.Mutex
	begun   int // seeds that were begun
	most    int // seeds worth playing
	running map[int]context.CancelFunc
	found   *reports.Result
	err     error
}

// next plays the next seed, and tells whether there may be another.
func (u *underWay) next(ctx context.Context, core int) bool {
	u.mu.Lock()
	if ctx.Err() != nil || u.begun >= u.most {
		u.mu.Unlock()
		return false
	}
	place := u.begun
	u.begun++
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	u.running[place] = cancel
	u.mu.Unlock()

	result, err := u.play(ctx, core, u.Seeds[place])

	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.running, place)
	if place >= u.most { // given up
		return false
	}
	if err != nil {
		u.found, u.err = nil, err
		u.stop(place)
		return false
	}
	if u.Each != nil {
		u.Each(result)
	}
	if u.Wanted != nil && u.Wanted(result) {
		u.found, u.err = result, nil
		u.stop(place)
	}
	return true
}

// play plays a seed in a goroutine of its own: a run may keep its thread, which ends with it.
func (u *underWay) play(ctx context.Context, core int, seed uint64) (result *reports.Result, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		result, err = u.Play(ctx, core, seed)
	}()
	<-ended
	return result, err
}

// stop gives up all but the first seeds of the list.
func (u *underWay) stop(most int) {
	u.most = min(u.most, most)
	for place, cancel := range u.running {
		if place >= most {
			cancel()
		}
	}
}
