package raftlog

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Keeper is what keeps raft's entries, term and vote: a Store, or what stands in for one.
type Keeper interface {
	raft.LogStore
	raft.StableStore
}

// Watched is a store whose writes must not take too long.
type Watched struct {
	Keeper
	limit   time.Duration
	stalled func(what string)
	wrote   func(took time.Duration)

	mu     sync.Mutex
	number int
	begun  map[int]time.Time // of the writes that are under way, by their numbers
}

// Waits returns for how long the write has taken that has been under way the longest; zero if none is.
func (w *Watched) Waits() (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, began := range w.begun {
		longest = max(longest, time.Since(began))
	}
	return longest
}

// begin notes that a write is under way, until the end is called.
func (w *Watched) begin(at time.Time) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number++
	number := w.number
	w.begun[number] = at
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.begun, number)
	}
}

// Watch returns the store with a limit on each write; stalled is called, in a goroutine of its
// own, when a write takes longer. A write that was given up may still reach the disk, so a
// process must not go on after it: stalled ends it.
func Watch(s Keeper, limit time.Duration, stalled func(what string)) *Watched {
	return &Watched{Keeper: s, limit: limit, stalled: stalled, begun: map[int]time.Time{}}
}

// Tell has wrote called after each write with what it took. It is called before the first write.
func (w *Watched) Tell(wrote func(took time.Duration)) { w.wrote = wrote }

// looks is how often a write is looked at before it is given up. A process that was paused finds
// one look overdue, not all of them, and does not take its own pause for the disk's.
const looks = 10

// Overdue calls late, in a goroutine of its own, when the limit is over and stop was not called. Time in
// which the process was paused does not count.
func Overdue(limit time.Duration, late func()) (stop func()) {
	var mu sync.Mutex // a look may be under way while the timer is made, or stopped
	var timer *time.Timer
	left, stopped := looks, false
	look := func() (over bool) {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			return false
		}
		if left--; left > 0 {
			timer.Reset(limit / looks)
		}
		return left == 0
	}
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(limit/looks, func() {
		if look() {
			late()
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}

func (w *Watched) within(what string, do func() error) error {
	began := time.Now()
	defer w.begin(began)()
	defer Overdue(w.limit, func() { w.stalled(what) })()
	err := do()
	if w.wrote != nil {
		w.wrote(time.Since(began))
	}
	return err
}

// StoreLog writes one entry and syncs it.
func (w *Watched) StoreLog(log *raft.Log) error {
	return w.within("storing an entry", func() error { return w.Keeper.StoreLog(log) })
}

// StoreLogs writes entries with one sync.
func (w *Watched) StoreLogs(logs []*raft.Log) error {
	return w.within("storing entries", func() error { return w.Keeper.StoreLogs(logs) })
}

// DeleteRange removes entries.
func (w *Watched) DeleteRange(first, last uint64) error {
	return w.within("deleting entries", func() error { return w.Keeper.DeleteRange(first, last) })
}

// Set writes a value of raft's own.
func (w *Watched) Set(key, value []byte) error {
	return w.within("storing "+string(key), func() error { return w.Keeper.Set(key, value) })
}

// SetUint64 writes a number of raft's own.
func (w *Watched) SetUint64(key []byte, value uint64) error {
	return w.within("storing "+string(key), func() error { return w.Keeper.SetUint64(key, value) })
}
