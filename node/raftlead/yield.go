package raftlead

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
)

// yieldOnce is how long a node that has yielded does not yield again: if it leads once more so soon, the
// others are no better. It is as long as the pauses of a card come in clusters.
const yieldOnce = 10 * time.Second

// Yielder hands the lead to another node whenever a write to this one's log was slow. A card that has paused
// pauses again within seconds, and raft writes to its leader's log before it sends: all wait for that card,
// where a majority could do without it.
type Yielder struct {
	pace time.Duration
	slow chan time.Duration
	told func(took time.Duration, err error)
}

// NewYielder returns one for which a write is slow that takes longer than pace. After it has handed over, or has
// tried to, it says so.
func NewYielder(pace time.Duration, told func(took time.Duration, err error)) *Yielder {
	return &Yielder{pace: pace, slow: make(chan time.Duration, 1), told: told}
}

// Wrote takes note of what a write took.
func (y *Yielder) Wrote(took time.Duration) {
	if took <= y.pace {
		return
	}
	select {
	case y.slow <- took:
	default:
	}
}

// Run hands over until the context ends.
func (y *Yielder) Run(ctx context.Context, r *raft.Raft) {
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case took := <-y.slow:
			if r.State() != raft.Leader || !last.IsZero() && time.Since(last) < yieldOnce {
				continue
			}
			last = time.Now()
			y.told(took, r.LeadershipTransfer().Error()) // with an error nobody else is as far: it goes on
		}
	}
}
