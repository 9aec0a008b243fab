package museum

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/raftlog"
)

// timed answers raft in time: entries that the disk has not taken by then are refused. A leader that
// is refused steps down, a follower that is refused says so, and neither waits for a slow disk with
// the others.
//
// Invariant: an entry that was refused is not in the log when the next one is written. It may reach
// the disk late; then it is removed first, and until then all others are refused.
type timed struct {
	raftlog.Keeper
	limit    time.Duration
	turn     chan struct{} // holds one while somebody writes
	required atomic.Bool   // the next entries stand where others were removed: raft counts on them
}

// errSlow says that the disk took too long.
var errSlow = errors.New("the disk is slow")

func inTime(log raftlog.Keeper, limit time.Duration) *timed {
	return &timed{Keeper: log, limit: limit, turn: make(chan struct{}, 1)}
}

// StoreLog writes one entry, or refuses it.
func (t *timed) StoreLog(log *raft.Log) error { return t.StoreLogs([]*raft.Log{log}) }

// StoreLogs writes entries, or refuses them.
func (t *timed) StoreLogs(logs []*raft.Log) error {
	if t.required.Swap(false) {
		return t.alone(func() error { return t.Keeper.StoreLogs(logs) })
	}
	select {
	case t.turn <- struct{}{}:
	default:
		return errSlow
	}
	var settled atomic.Bool // by the one who knew first: the write is done, or it is given up
	done := make(chan error, 1)
	go func() {
		err := t.Keeper.StoreLogs(logs)
		if !settled.CompareAndSwap(false, true) && err == nil {
			err = t.Keeper.DeleteRange(logs[0].Index, logs[len(logs)-1].Index)
		}
		<-t.turn
		done <- err
	}()
	late := make(chan struct{})
	defer raftlog.Overdue(t.limit, func() { close(late) })()
	select {
	case err := <-done:
		return err
	case <-late:
		if settled.CompareAndSwap(false, true) {
			return errSlow
		}
		return <-done
	}
}

// alone waits for its turn, however long a late write takes.
func (t *timed) alone(do func() error) error {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	return do()
}

// DeleteRange removes entries.
func (t *timed) DeleteRange(first, last uint64) error {
	t.required.Store(true)
	return t.alone(func() error { return t.Keeper.DeleteRange(first, last) })
}

// Set writes a value of raft's own.
func (t *timed) Set(key, value []byte) error {
	return t.alone(func() error { return t.Keeper.Set(key, value) })
}

// SetUint64 writes a number of raft's own.
func (t *timed) SetUint64(key []byte, value uint64) error {
	return t.alone(func() error { return t.Keeper.SetUint64(key, value) })
}
