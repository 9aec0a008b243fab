package store

import (
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/mutant"
)

// transfer watches over a leader that is to hand its lead over. Hashicorp/raft (1.8.0) takes no commands while it does, and it may never be
// done: to bring the other one up to date it puts a question to the goroutine that sends to that one, in a channel with room for
// one. A second one, after an attempt that took too long, waits for ever if that goroutine has ended, as it does when its member is
// removed. Nothing of raft's interface ends that, nor does losing the lead.
type transfer struct {
	mu      sync.Mutex
	refused time.Time // since when commands have been refused for it, without one that was not
	failed  time.Time // when the last attempt did
}

const (
	// transferLimit is well over what a handover may take: to bring up to date, to ask, and to wait until it is elected.
	transferLimit = 12 * time.Second
	// transferPause is how long a node that could not give its lead away keeps it before it tries again, since it takes no commands meanwhile.
	transferPause = 5 * time.Second
)

// took takes note of what came of a command.
func (t *transfer) took(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !errors.Is(err, raft.ErrLeadershipTransferInProgress):
		t.refused = time.Time{}
	case t.refused.IsZero():
		t.refused = time.Now()
	}
}

// over takes note that the lead was taken or lost, and a handover is over with it. One that hangs nevertheless refuses commands again.
func (t *transfer) over() { t.took(nil) }

// tried takes note of what came of an attempt to hand over.
func (t *transfer) tried(err error) {
	t.took(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed = (time.Time{}); err != nil {
		t.failed = time.Now()
	}
}

// mayTry tells whether the last attempt that failed is long enough ago.
func (t *transfer) mayTry() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed.IsZero() || time.Since(t.failed) >= transferPause
}

// hangs tells whether the handover will not end.
func (t *transfer) hangs() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.refused.IsZero() && time.Since(t.refused) > transferLimit && mutant.Planted != mutant.EndlessTransfer
}

// startsAnew returns why raft cannot go on with the member as it is, "" if it can.
func (g *Group) startsAnew() string {
	switch {
	case g.Leads() && g.transfer.hangs(): // who does not lead hands nothing over
		return "the lead is neither kept nor handed over"
	case g.snapshots.forks.Load():
		return "its log has other entries than the snapshot that came in"
	}
	return ""
}

// reopen ends a member and starts it anew from what it has on the disk.
func (s *Store) reopen(g *Group) error {
	s.change.Lock()
	defer s.change.Unlock()
	if now, err := s.group(g.config.Number); err != nil || now != g {
		return nil // it has ended meanwhile
	}
	s.mu.Lock()
	delete(s.groups, g.config.Number)
	s.mu.Unlock()
	if err := g.Close(); err != nil {
		return err
	}
	return s.open(membership{g.config.Number, joinedHere, g.config.VotesFrom})
}
