package raftlog

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// Keeper is what keeps raft's entries, term and vote: a Store, or what stands in for one.
type Keeper interface {
	raft.LogStore
	raft.StableStore
}

// Cached returns a store that also keeps the last n entries in memory, so that a leader need not read
// what it has just written to send it to its followers.
func Cached(s Keeper, n int) (Keeper, error) {
	entries, err := raft.NewLogCache(n, s)
	if err != nil {
		return nil, err
	}
	return cached{entries, s}, nil
}

type cached struct {
	raft.LogStore
	raft.StableStore
}

// Watched is a store whose writes must not take too long.
type Watched struct {
	Keeper
	limit   time.Duration
	stalled func(what string)
}

// Watch returns the store with a limit on each write; stalled is called, in a goroutine of its
// own, when a write takes longer. A write that was given up may still reach the disk, so a
// process must not go on after it: stalled ends it.
func Watch(s Keeper, limit time.Duration, stalled func(what string)) *Watched {
	return &Watched{s, limit, stalled}
}

// looks is how often a write is looked at before it is given up. A process that was paused finds
// one look overdue, not all of them, and does not take its own pause for the disk's.
const looks = 10

func (w *Watched) within(what string, do func() error) error {
	var done atomic.Bool // a look under way when the write ends must not lead to another
	var timer *time.Timer
	left := looks
	timer = time.AfterFunc(w.limit/looks, func() {
		if done.Load() {
			return
		}
		if left--; left == 0 {
			w.stalled(what)
			return
		}
		timer.Reset(w.limit / looks)
	})
	defer func() {
		done.Store(true)
		timer.Stop()
	}()
	return do()
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
