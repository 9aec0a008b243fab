package museum

import (
	"github.com/hashicorp/raft"

	"picloud/scenarios/firstcloud"
	"picloud/scenarios/kv"
)

// leaseRead answers from memory while this node is the leader: raft takes leadership from a node
// that has not heard a majority for the length of its lease, which is shorter than anybody waits
// before an election. The node whose processor is withheld does not see its lease end: it wakes,
// answers the requests that wait for it, and looks at its timers next.
//
// Revealed by: pause. Literature: Gray and Cheriton, "Leases" (SOSP 1989), for what clocks must
// keep; etcd issue 10131 and Jepsen's analyses for what happens when they do not.
func leaseRead(m *member, c kv.Command) (string, error) {
	if !m.caughtUp() || m.raft.State() != raft.Leader {
		return "", firstcloud.NotLeader(m.raft)
	}
	return m.state.Value(c.Key), nil
}
