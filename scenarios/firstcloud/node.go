// Package firstcloud is the smallest cloud that can fail in interesting ways: a map of keys to
// values, replicated with hashicorp/raft over checked streams, its log in Pebble on the machine's
// disk, served over net/http; and the clients that load it and write down what they saw.
//
// The map promises linearizable reads and writes. Reads go through the log like writes, which is
// slow and needs no argument about leases or clocks.
package firstcloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/raftlog"
	"picloud/node/wire"
)

// The ports of a node.
const (
	raftPort = "7000"
	httpPort = "80"
)

// stallLimit is how long the log may take to write before the process gives up its place: raft's
// leader keeps its heartbeats while its disk hangs (hashicorp/raft issue 503), so somebody else is
// elected only when it ends. A card's worst pauses are about three seconds, and may come in pairs.
const stallLimit = 8 * time.Second

// scrubEvery is how often a node reads its whole log, to find damage while good copies exist.
const scrubEvery = 5 * time.Second

// NodeConfig says which node this is of which cluster.
type NodeConfig struct {
	Nodes []string // names of all nodes, this one among them
}

// Validate says what is wrong with the configuration.
func (c NodeConfig) Validate(self string) error {
	for _, name := range c.Nodes {
		if name == self {
			return nil
		}
	}
	return fmt.Errorf("firstcloud: %s is not among the nodes %v", self, c.Nodes)
}

// Node runs a node until the context ends or it cannot go on.
func Node(ctx context.Context, h *host.Host, c NodeConfig) error {
	if err := c.Validate(h.Name); err != nil {
		return err
	}
	network := wire.Network{Network: h.Network}
	store, err := raftlog.Open(h.Disk, "raft", pebbleLog{h.Log})
	if err != nil {
		return err
	}
	defer store.Close()
	go scrub(ctx, store)
	state := newState()
	r, err := startRaft(h, network, store, state, c)
	if err != nil {
		return err
	}
	defer r.Shutdown()
	l, err := network.Listen("tcp", ":"+httpPort)
	if err != nil {
		return fmt.Errorf("firstcloud: %w", err)
	}
	server := &http.Server{Handler: newAPI(r, state), ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("firstcloud: %w", err)
	}
	return nil
}

// scrub reads the log over and over. A node that finds damage ends: it must not serve or vote from
// a log that is not what it wrote.
func scrub(ctx context.Context, store *raftlog.Store) {
	for range time.Tick(scrubEvery) {
		if err := store.Scrub(ctx); err != nil && ctx.Err() == nil {
			panic(fmt.Sprintf("firstcloud: %v", err))
		}
	}
}

func startRaft(h *host.Host, network host.Network, store *raftlog.Store, state *state, c NodeConfig) (*raft.Raft, error) {
	l, err := network.Listen("tcp", ":"+raftPort)
	if err != nil {
		return nil, fmt.Errorf("firstcloud: %w", err)
	}
	transport := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:  streams{l, network, h.Name},
		MaxPool: 2,
		Timeout: 3 * time.Second,
		Logger:  hclog.NewNullLogger(),
	})
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(h.Name)
	config.Logger = hclog.NewNullLogger()
	config.SnapshotThreshold = 1 << 40 // the log is the state: a run is short
	config.ShutdownOnRemove = false
	logs := raftlog.Watch(store, stallLimit, func(what string) {
		panic("firstcloud: the disk hangs: " + what + " took longer than " + stallLimit.String())
	})
	snapshots := raft.NewInmemSnapshotStore()
	known, err := raft.HasExistingState(logs, logs, snapshots)
	if err != nil {
		return nil, fmt.Errorf("firstcloud: %w", err)
	}
	if !known {
		var members raft.Configuration
		for _, name := range c.Nodes {
			members.Servers = append(members.Servers, raft.Server{ID: raft.ServerID(name), Address: raft.ServerAddress(name + ":" + raftPort)})
		}
		if err := raft.BootstrapCluster(config, logs, logs, snapshots, transport, members); err != nil {
			return nil, fmt.Errorf("firstcloud: %w", err)
		}
	}
	r, err := raft.NewRaft(config, state, logs, logs, snapshots, transport)
	if err != nil {
		return nil, fmt.Errorf("firstcloud: %w", err)
	}
	return r, nil
}

// streams lets raft's transport use a host's network.
type streams struct {
	net.Listener
	network host.Network
	name    string
}

// Dial opens a stream to another node.
func (s streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.network.DialContext(ctx, "tcp", string(address))
}

// Addr is the name that other nodes dial.
func (s streams) Addr() net.Addr { return address(s.name + ":" + raftPort) }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// pebbleLog passes on what Pebble has to say. What Pebble calls fatal ends the process: after a
// failed write to its log nobody knows what is on the disk.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(format string, args ...any) {}
func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("pebble", "error", fmt.Sprintf(format, args...))
}
func (l pebbleLog) Fatalf(format string, args ...any) {
	panic("pebble: " + fmt.Sprintf(format, args...))
}
