package museum

import (
	"picloud/scenarios/firstcloud"
	"picloud/scenarios/kv"
)

// verifyLeaderRead asks a majority whether this node still leads, and then answers from memory.
// hashicorp/raft's VerifyLeader counts as a vote the next reply of a follower to anything, also to
// what was sent before the question. A leader that was paused finds such replies in its sockets:
// they were true when they were sent, before another leader was elected.
//
// Revealed by: pause. Literature: Ongaro's thesis (2014), section 6.4, asks for a round of
// heartbeats that begins after the read; hashicorp/raft, replication.go, notifyAll.
func verifyLeaderRead(m *member, c kv.Command) (string, error) {
	if !m.caughtUp() || m.raft.VerifyLeader().Error() != nil {
		return "", firstcloud.NotLeader(m.raft)
	}
	return m.state.Value(c.Key), nil
}
