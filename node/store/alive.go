package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Alive returns when the loops of all the node's groups have taken up and answered a question; one that hangs, on its disk say, hangs it too. The
// answer takes nobody else: of a leader that others do not hear raft's loop finds that, and says so. A loop that takes in a snapshot waits for who
// sends it, for as long as that takes, and is passed over.
func (s *Store) Alive() error {
	for _, g := range s.all() {
		if err := g.alive(); errors.Is(err, raft.ErrRaftShutdown) {
			return fmt.Errorf("store: group %d has ended: %w", g.config.Number, err)
		}
	}
	return nil
}

// aliveLook is how often it is looked whether a loop that does not answer takes in a snapshot.
const aliveLook = 250 * time.Millisecond

func (g *Group) alive() error {
	if g.snapshots.coming.Load() > 0 {
		return nil
	}
	answer := make(chan error, 1)
	go func() { answer <- g.await(g.raft.VerifyLeader()) }()
	look := time.NewTicker(aliveLook)
	defer look.Stop()
	for {
		select {
		case err := <-answer:
			return err
		case <-look.C:
			if g.snapshots.coming.Load() > 0 {
				return nil
			}
		}
	}
}
