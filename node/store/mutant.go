package store

import (
	"context"

	"picloud/node/store/state"
)

// hasty answers a transaction from what it will do, before a majority has it. No product build does so.
func (g *Group) hasty(ctx context.Context, data []byte) (state.Outcome, bool) {
	if !g.Leads() {
		return state.Outcome{}, false
	}
	outcome, err := g.state.Foresee(data)
	if err != nil || outcome.Reply == nil {
		return outcome, false
	}
	g.raft.Apply(data, timeLeft(ctx))
	return outcome, true
}

// gap is what a leader that leaves out events remembers. No product build uses it.
type gap struct{ term, from uint64 }

// watchedFrom returns the revision from which on such a leader tells: the one after the first watch of its
// term came.
func (g *Group) watchedFrom() uint64 {
	if !g.Leads() {
		return 0
	}
	if term := g.Term(); g.gap.term != term {
		last, _ := g.state.Revision()
		g.gap = gap{term, last + 1}
	}
	return g.gap.from
}
