package raftlead

import (
	"context"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"
)

// yieldOnce is how long a node that has yielded does not yield again: if it leads once more so soon, the
// others are no better. It is as long as the pauses of a card come in clusters.
const yieldOnce = 10 * time.Second

// Yield hands the lead to another node whenever a write to this one's log was slow, until the context ends. A
// card that has paused pauses again within seconds, and raft writes to its leader's log before it sends: all
// wait for that card, where a majority could do without it. Slow is what raftlog.Watched.Slow returned.
func Yield(ctx context.Context, r *raft.Raft, slow <-chan time.Duration, log *slog.Logger) {
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case took := <-slow:
			if r.State() != raft.Leader || !last.IsZero() && time.Since(last) < yieldOnce {
				continue
			}
			last = time.Now()
			why := ""
			if err := r.LeadershipTransfer().Error(); err != nil { // nobody else is as far: it goes on
				why = err.Error()
			}
			log.Info("yield", "took", took, "error", why)
		}
	}
}
