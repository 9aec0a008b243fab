// Package firstcloud is the smallest cloud that can fail in interesting ways: a map of keys to
// values, replicated with hashicorp/raft over checked streams, its log in Pebble on the machine's
// disk, served over net/http; and the clients that load it and write down what they saw.
//
// The map promises linearizable reads and writes. Reads go through the log like writes, which is
// slow and needs no argument about leases or clocks.
package firstcloud

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/raftlead"
	"picloud/node/raftlog"
	"picloud/node/raftnet"
	"picloud/node/wire"
	"picloud/scenarios/kv"
)

// raftPort is where nodes listen for one another.
const raftPort = "7000"

// stallLimit is how long the log may take to write before the process gives up its place: raft's
// leader keeps its heartbeats while its disk hangs (hashicorp/raft issue 503), so somebody else is
// elected only when it ends. A card's worst pauses are about three seconds, and may come in pairs.
const stallLimit = 8 * time.Second

// slowWrite is how long a write to the leader's log may take before somebody else should lead: half the
// time after which the others would miss a heartbeat.
const slowWrite = 500 * time.Millisecond

// idleCommit is how long an idle leader waits before it tells its followers what is committed. Only
// the leader answers clients, so nobody waits for it, and an idle cloud costs half as much as with
// raft's default of 50 ms.
const idleCommit = 300 * time.Millisecond

// recentEntries stay in memory, for followers that keep up.
const recentEntries, recentBytes = 128, 1 << 20

// scrubEvery is how often a node reads its whole log, to find damage while good copies exist.
const scrubEvery = 5 * time.Second

// Node runs a node until the context ends or it cannot go on.
func Node(ctx context.Context, h *host.Host, c kv.NodeConfig) error {
	if err := c.Validate(h.Name); err != nil {
		return err
	}
	network := wire.Network{Network: h.Network}
	db, err := raftlog.Open(h.Disk, "raft", raftlog.Config{Logger: raftlog.Logger{Log: h.Log}})
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := db.Log(0)
	if err != nil {
		return err
	}
	go scrub(ctx, db)
	state := NewState(h.Log)
	recent := raftlog.Cache(store, recentEntries, recentBytes)
	watched := raftlog.Watch(recent, stallLimit, func(what string) {
		panic("firstcloud: the disk hangs: " + what + " took longer than " + stallLimit.String())
	})
	yielder := raftlead.NewYielder(slowWrite, func(took time.Duration, err error) { h.Log.Info("yield", "took", took, "error", err) })
	watched.Tell(yielder.Wrote)
	r, err := Member{Name: h.Name, Nodes: c.Nodes, Network: network, Log: watched, State: state}.Start()
	if err != nil {
		return err
	}
	defer r.Shutdown()
	go yielder.Run(ctx, r)
	go tellLead(ctx, r, h.Log)
	return kv.Serve(ctx, network, h.Log, func(c kv.Command) (string, error) {
		if before, done := shortCut(r, state, c); done {
			return before, nil
		}
		return Apply(r, c)
	})
}

// tellLead logs when the node begins or ends to lead, as nodes of the store do.
func tellLead(ctx context.Context, r *raft.Raft, log *slog.Logger) {
	for {
		select {
		case leads := <-r.LeaderCh():
			log.Info("leader", "group", 0, "leads", leads, "term", r.CurrentTerm())
		case <-ctx.Done():
			return
		}
	}
}

// scrub reads the log over and over. A node that finds damage ends: it must not serve or vote from
// a log that is not what it wrote.
func scrub(ctx context.Context, db *raftlog.DB) {
	for range time.Tick(scrubEvery) {
		if err := db.Scrub(ctx); err != nil && ctx.Err() == nil {
			panic(fmt.Sprintf("firstcloud: %v", err))
		}
	}
}

// Member is one node's part in a cluster.
type Member struct {
	Name     string
	Nodes    []string // all members, this one among them
	Network  host.Network
	Log      raftlog.Keeper
	State    raft.FSM
	Patience time.Duration // without a leader's heartbeat; zero for raft's default

	Transport raftnet.Config
}

// Start makes the member take part. A cluster that has no state yet begins with all of Nodes.
func (m Member) Start() (*raft.Raft, error) {
	port, err := raftnet.Listen(m.Network, m.Name, raftPort)
	if err != nil {
		return nil, fmt.Errorf("firstcloud: %w", err)
	}
	transport, err := port.Transport(0, m.Transport)
	if err != nil {
		return nil, fmt.Errorf("firstcloud: %w", err)
	}
	config := m.config()
	snapshots := raft.NewInmemSnapshotStore()
	if err := port.Begin(config, m.Log, m.Log, snapshots, transport, m.Nodes); err != nil {
		return nil, fmt.Errorf("firstcloud: %w", err)
	}
	r, err := raft.NewRaft(config, m.State, m.Log, m.Log, snapshots, transport)
	if err != nil {
		return nil, fmt.Errorf("firstcloud: %w", err)
	}
	return r, nil
}

func (m Member) config() *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(m.Name)
	config.Logger = hclog.NewNullLogger()
	config.SnapshotThreshold = 1 << 40 // the log is the state: a run is short
	config.ShutdownOnRemove = false
	config.CommitTimeout = idleCommit
	if m.Patience > 0 {
		config.HeartbeatTimeout, config.ElectionTimeout = m.Patience, m.Patience
		config.LeaderLeaseTimeout = m.Patience / 2
	}
	return config
}
