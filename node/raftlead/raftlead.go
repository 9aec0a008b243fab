// Package raftlead holds what a node must know and do while it leads: whether it may answer from its
// state, which is only when all that was committed before its term is applied; and when somebody else
// should lead.
package raftlead

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// Ready follows a node's leadership.
type Ready struct {
	raft *raft.Raft
	term atomic.Uint64 // the last one in which the node led and was ready
	tell func(leads bool)
	stop chan struct{}
	done chan struct{}
}

// Follow starts to follow. It takes what comes on raft's LeaderCh, which nobody else may read, and tells it.
func Follow(r *raft.Raft, tell func(leads bool)) *Ready {
	y := &Ready{raft: r, tell: tell, stop: make(chan struct{}), done: make(chan struct{})}
	go y.follow()
	return y
}

// In tells whether the node is ready in a term, if that is the present one and the node leads in it.
func (y *Ready) In(term uint64) bool { return y.term.Load() == term }

// Stop ends it, once raft has been shut down.
func (y *Ready) Stop() {
	close(y.stop)
	<-y.done
}

// barrierPause is after how long a barrier is asked for again: while a handover is under way each is refused at once.
const barrierPause = 10 * time.Millisecond

// pause waits that long, and tells whether it goes on.
func (y *Ready) pause() bool {
	select {
	case <-time.After(barrierPause):
		return true
	case <-y.stop:
		return false
	}
}

func (y *Ready) follow() {
	defer close(y.done)
	for {
		select {
		case leads := <-y.raft.LeaderCh():
			y.tell(leads)
			for leads && y.raft.State() == raft.Leader && !y.In(y.raft.CurrentTerm()) {
				term := y.raft.CurrentTerm() // which may end before the barrier is through
				if Await(y.raft.Barrier(0), y.stop) == nil {
					y.term.Store(term)
				} else if !y.pause() {
					return
				}
			}
		case <-y.stop:
			return
		}
	}
}
