package museum

import (
	"context"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/raftlead"
	"picloud/node/raftlog"
	"picloud/node/raftnet"
	"picloud/node/wire"
	"picloud/scenarios/firstcloud"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

const (
	// stallLimit is how long the log may take to write before the process ends. The good cards of
	// this cloud pause for half a second at most, a few times in a row at worst.
	stallLimit = 2 * time.Second
	// slowLimit is how long raft waits for entries to be written.
	slowLimit = 300 * time.Millisecond
	// recentEntries are kept in memory, as followers that keep up need no others.
	recentEntries, recentBytes = 64, 1 << 20
)

// member is a node of a replicated map.
type member struct {
	raft  *raft.Raft
	state *firstcloud.State
	ready *raftlead.Ready
}

// replicated runs a node of a replicated map, which as a follower waits for its leader for as long as
// its patience before it asks for votes. A node whose disk gave back something else than what
// was written serves and votes no more: it sends its clients to the others.
func replicated(ctx context.Context, h *host.Host, c kv.NodeConfig, p parts, patience time.Duration) error {
	if err := c.Validate(h.Name); err != nil {
		return err
	}
	network := wire.Network{Network: h.Network}
	log, err := openLog(&p, h.Disk)
	if err == errDamaged {
		h.Log.Error("the log is damaged, this node is out")
		return kv.Serve(ctx, network, h.Log, func(kv.Command) (string, error) { return "", kv.NotLeader{} })
	}
	if err != nil {
		return err
	}
	cached := raftlog.Cache(log, recentEntries, recentBytes)
	m := &member{state: firstcloud.NewState(h.Log)}
	m.raft, err = firstcloud.Member{
		Name: h.Name, Nodes: c.Nodes, Network: network, State: m.state,
		Log:      p.watch(cached),
		Patience: patience,

		Transport: raftnet.Config{InFlight: p.inFlight()},
	}.Start()
	if err != nil {
		return err
	}
	defer m.raft.Shutdown()
	m.ready = raftlead.Follow(m.raft, func(bool) {})
	return kv.Serve(ctx, network, h.Log, func(c kv.Command) (string, error) {
		if c.Kind == history.Read {
			return p.read(m, c)
		}
		return firstcloud.Apply(m.raft, c)
	})
}

// caughtUp tells whether this node, if it leads, has applied all that was committed before.
func (m *member) caughtUp() bool { return m.ready.In(m.raft.CurrentTerm()) }
