package store

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// Alive returns when the loops of all the node's groups have taken up and answered a question; one that hangs, on its disk say, hangs it too. The
// answer takes nobody else: of a leader that others do not hear raft's loop finds that, and says so.
func (s *Store) Alive() error {
	for _, g := range s.all() {
		if err := g.raft.VerifyLeader().Error(); errors.Is(err, raft.ErrRaftShutdown) {
			return fmt.Errorf("store: group %d has ended: %w", g.config.Number, err)
		}
	}
	return nil
}
