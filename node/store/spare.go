package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/api"
	"picloud/node/wait"
)

// spare is what the node spares itself, as its hardware wants that.
type spare struct {
	follows atomic.Bool // it is to lead nothing
	rests   atomic.Bool // what can be done later is
}

// SetLeading lets the node lead groups, or has it give away those that it leads, now and whenever it is elected, to nodes that may lead. If
// there are no others it leads on: somebody must.
func (s *Store) SetLeading(lead bool) { s.spare.follows.Store(!lead) }

// followEvery is how often a node that is to lead nothing looks whether it does.
const followEvery = 250 * time.Millisecond

// giveAwayLeads gives away what the node leads while it is to lead nothing, until the context ends.
func (s *Store) giveAwayLeads(ctx context.Context) {
	for wait.For(ctx, followEvery) {
		if !s.spare.follows.Load() {
			continue
		}
		for _, g := range s.all() {
			if g.Leads() && g.transfer.mayTry() {
				s.giveAway(ctx, g)
			}
		}
	}
}

// giveAway hands the lead to the member that is furthest of those that answer and may lead. A member that did not answer would keep all writes
// waiting; one that may not lead would give it back at once.
func (s *Store) giveAway(ctx context.Context, g *Group) {
	m, err := g.members()
	if err != nil {
		return
	}
	best, most := "", uint64(0)
	for _, node := range m.Voters {
		if node == s.config.Node {
			continue
		}
		if has, err := s.askOne(ctx, node, api.MethodOffer, g.config.Number); err == nil && (best == "" || has > most) {
			best, most = node, has
		}
	}
	if best == "" || ctx.Err() != nil {
		return
	}
	err = g.await(g.raft.LeadershipTransferToServer(raft.ServerID(best), s.port.Address(best)))
	g.transfer.tried(err)
	s.log.Info("the lead is given away", "group", g.config.Number, "to", best, "error", err)
	s.metrics.yielded(err)
}

// restsAtMost is how many times as long as otherwise what is held back waits: damage is to be found, and logs are to be cut, in a hot summer too.
const restsAtMost = 10

// SetResting holds back what can be done later, or does so no more: reading the disk as a whole, and snapshots.
func (s *Store) SetResting(rests bool) {
	if s.spare.rests.Swap(rests) == rests {
		return
	}
	for _, g := range s.all() {
		g.rest(rests)
	}
}

// rest holds back snapshots, or does so no more. Those that another member needs are taken from the state, and sent all the same.
func (g *Group) rest(rests bool) {
	g.reconfigure(func(c *raft.ReloadableConfig) {
		if c.SnapshotThreshold = g.config.SnapshotEvery; rests {
			c.SnapshotThreshold *= restsAtMost
		}
	})
}

// restEvery is how often something that is held back is looked at again.
const restEvery = time.Second

// rested waits until nothing is held back, it was for long, or the context ends.
func (s *Store) rested(ctx context.Context) {
	began := time.Now()
	for s.spare.rests.Load() && time.Since(began) < restsAtMost*s.config.ScrubEvery && wait.For(ctx, restEvery) {
	}
}

// Fence ends all members at once, without handing anything over. Nothing more is acknowledged: what was under way has an unknown outcome. The
// node is to end then; Close is still to be called, and waits for them.
func (s *Store) Fence() {
	for _, g := range s.all() {
		g.end()
	}
}

// Syncs is how long writes to the logs have taken, with their syncs, in the last minute, and for how long the one does that is
// under way. Of the tail 99 of 100 took no longer, to an eighth.
func (s *Store) Syncs() (tail, slowest, waits time.Duration) {
	tail, slowest = s.syncs.last(time.Now())
	for _, g := range s.all() {
		waits = max(waits, g.log.Waits())
	}
	return tail, slowest, waits
}
