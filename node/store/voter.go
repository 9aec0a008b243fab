package store

import (
	"context"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/mutant"
	"picloud/node/wait"
)

// A member that has come anew to its group may have been one before, and have forgotten it: it was removed, or its card was lost. Whoever was
// cut off since then, and still takes it for a member, must not get its vote, and it must not stand for election with half a log, or by an
// old list of members that it reads there. So it does neither until its log reaches what the group had agreed to when it came: from then on it
// knows all that it may have acknowledged before, and more, and raft's own rule, to vote only for logs that are no shorter, holds again.

// caughtUp tells whether the member may vote. r is nil while it starts.
func (c *GroupConfig) caughtUp(r *raft.Raft) bool {
	return c.VotesFrom == 0 || mutant.Planted == mutant.EagerVoter || r != nil && r.LastIndex() >= c.VotesFrom
}

// never is when something happens that is not to.
const never = 1000 * time.Hour

// catchUpEvery is how often a member looks whether it has caught up.
const catchUpEvery = 100 * time.Millisecond

// standOnceCaughtUp lets the member stand for election once it may vote.
func (g *Group) standOnceCaughtUp(ctx context.Context) {
	for !g.config.caughtUp(g.raft) {
		if !wait.For(ctx, catchUpEvery) {
			return
		}
	}
	g.reconfigure(func(c *raft.ReloadableConfig) {
		c.HeartbeatTimeout, c.ElectionTimeout = g.config.Patience, g.config.Patience
	})
}

// reconfigure changes what can be changed of a member that runs.
func (g *Group) reconfigure(change func(*raft.ReloadableConfig)) {
	g.reconfiguring.Lock()
	defer g.reconfiguring.Unlock()
	c := g.raft.ReloadableConfig()
	change(&c)
	_ = g.raft.ReloadConfig(c) // all else is as it was, so it is valid
}
