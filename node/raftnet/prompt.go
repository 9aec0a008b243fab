package raftnet

import (
	"context"
	"io"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"
)

// prompt is a transport by which a follower that is well again is sent entries at once.
//
// Hashicorp/raft (1.8.0) waits after each failure for twice as long before it sends a follower entries again, up to
// 10.24 s, and nothing ends that wait: not the follower's answers to heartbeats either. If the majority needs that
// follower, nothing is committed for that long although all is well. So what failed is not said before the
// follower can be reached again: an absence counts as one failure, however long it lasts. And a follower that has
// refused entries, as one with a slow disk does, is asked again after refusedPause, and no later each time.
//
// It sends no more than sendBytes at once, or one entry. Raft counts only entries, and all of a request have the same short time to arrive: a follower
// that has missed much, on a slow way, would never catch up. What was sent raft takes from its request, and sends the rest (replication.go).
//
// And it holds back what a leader sends that is stuck in a write of its own. Raft writes in its main loop and sends heartbeats beside it, so a leader
// whose disk hangs keeps its followers quiet, commits nothing, and cannot even be told to hand its lead over.
type prompt struct {
	inLine
	net   *Net
	group uint32
	stuck func() bool     // see Config
	done  <-chan struct{} // nil for never
}

const (
	knockEvery   = 100 * time.Millisecond // at a follower that is not reached
	knockLimit   = time.Second            // for an answer
	knockLongest = time.Minute            // until the failure is said nevertheless: it may be a member no more
	refusedPause = 50 * time.Millisecond
	stuckPause   = 50 * time.Millisecond
	sendBytes    = 1 << 20
)

// AppendEntries sends entries, or a heartbeat, for which no follower is waited for.
func (p prompt) AppendEntries(id raft.ServerID, to raft.ServerAddress, q *raft.AppendEntriesRequest, a *raft.AppendEntriesResponse) error {
	for p.stuck() {
		if !p.wait(stuckPause) {
			return raft.ErrTransportShutdown
		}
	}
	q.Entries = some(q.Entries)
	err := p.inLine.AppendEntries(id, to, q, a)
	switch {
	case len(q.Entries) == 0 && q.PrevLogEntry == 0 && q.LeaderCommitIndex == 0:
	case err != nil:
		p.reach(to)
	case !a.Success && a.Term <= q.Term && !a.NoRetryBackoff:
		p.wait(refusedPause)
		a.NoRetryBackoff = true
	}
	return err
}

// some returns those of the entries, from the first on, that are sent at once.
func some(entries []*raft.Log) []*raft.Log {
	size := 0
	for i, e := range entries {
		if size += len(e.Data); size > sendBytes && i > 0 {
			return entries[:i]
		}
	}
	return entries
}

// InstallSnapshot sends a snapshot.
func (p prompt) InstallSnapshot(id raft.ServerID, to raft.ServerAddress, q *raft.InstallSnapshotRequest, a *raft.InstallSnapshotResponse, from io.Reader) error {
	err := p.inLine.InstallSnapshot(id, to, q, a, from)
	if err != nil {
		p.reach(to)
	}
	return err
}

// reach returns when a node can be reached, or after knockLongest.
func (p prompt) reach(node raft.ServerAddress) {
	for began := time.Now(); time.Since(began) < knockLongest; {
		ctx, cancel := context.WithTimeout(context.Background(), knockLimit)
		c, err := Dial(ctx, p.net.network, string(node), Consensus, p.group)
		cancel()
		if err == nil {
			_ = c.Close()
			return
		}
		if !p.wait(knockEvery/2 + rand.N(knockEvery)) {
			return
		}
	}
}

// wait tells whether a time has passed, and the group has not ended.
func (p prompt) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.done:
		return false
	case <-p.net.done:
		return false
	}
}
