// Package raftnet is the network of hashicorp/raft's groups: all groups of a node share one port.
//
// A stream begins with its purpose (one letter) and its group (4 bytes), and then belongs to that group.
//
// Invariants: heartbeats wait in line with all other requests of their group (see inLine); a stream
// for a purpose or a group that is not here is closed, and so is one whose sender is gone in the middle of a request
// (see steady); nothing is resolved but through node/host.
package raftnet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/rpc"
	"picloud/node/wait"
)

// Purpose is what a stream is for.
type Purpose byte

// The purposes.
const (
	Consensus Purpose = 'r' // raft's requests
	Copy      Purpose = 'c' // a copy of a group's state
	Requests  Purpose = 'q' // calls of clients and other nodes (node/rpc); their group is 0
)

// headBytes is the length of a stream's beginning: purpose and group.
const headBytes = 5

// headLimit is how long a new stream may take to say what it is for.
const headLimit = 5 * time.Second

// Net is a node's port for its groups.
type Net struct {
	network  host.Network
	listener net.Listener
	name     string // of this node
	port     string

	mu    sync.Mutex
	lines map[line]*lineListener
	done  chan struct{} // closed when nothing is accepted any more
}

// line is what streams of one purpose and group go to.
type line struct {
	purpose Purpose
	group   uint32
}

// Listen opens a node's port.
func Listen(network host.Network, name, port string) (*Net, error) {
	l, err := network.Listen("tcp", ":"+port)
	if err != nil {
		return nil, fmt.Errorf("raftnet: %w", err)
	}
	n := &Net{network: network, listener: l, name: name, port: port, lines: map[line]*lineListener{}, done: make(chan struct{})}
	go n.accept()
	return n, nil
}

// Close closes the port. Streams that are open stay open.
func (n *Net) Close() error { return n.listener.Close() }

// Address returns how raft names a node.
func (n *Net) Address(node string) raft.ServerAddress {
	return raft.ServerAddress(net.JoinHostPort(node, n.port))
}

func (n *Net) accept() {
	defer close(n.done)
	for {
		c, err := wait.Accept(context.Background(), n.listener, func(error) {})
		if err != nil {
			return
		}
		go n.hand(c)
	}
}

// hand gives a new stream to whom it is for.
func (n *Net) hand(c net.Conn) {
	var head [headBytes]byte
	c.SetReadDeadline(time.Now().Add(headLimit))
	if _, err := io.ReadFull(c, head[:]); err != nil || c.SetReadDeadline(time.Time{}) != nil {
		c.Close()
		return
	}
	n.mu.Lock()
	l := n.lines[line{Purpose(head[0]), binary.BigEndian.Uint32(head[1:])}]
	n.mu.Unlock()
	if l == nil || !l.give(c) {
		c.Close()
	}
}

// Listener returns the listener for the streams of a purpose and group, of which there is one at a time.
func (n *Net) Listener(purpose Purpose, group uint32) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := line{purpose, group}
	if n.lines[key] != nil {
		return nil, fmt.Errorf("raftnet: somebody listens for group %d already", group)
	}
	l := &lineListener{net: n, line: key, streams: make(chan net.Conn), closed: make(chan struct{})}
	n.lines[key] = l
	return l, nil
}

// Dial opens a stream for a purpose to a group on a node, named by its address.
func Dial(ctx context.Context, network host.Network, address string, purpose Purpose, group uint32) (net.Conn, error) {
	c, err := network.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		c.SetWriteDeadline(end)
	}
	if _, err := c.Write(binary.BigEndian.AppendUint32([]byte{byte(purpose)}, group)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, c.SetWriteDeadline(time.Time{})
}

// Peers returns clients of the nodes that serve requests on a port.
func Peers(network host.Network, port string) *rpc.Peers {
	return rpc.NewPeers(func(ctx context.Context, node string) (net.Conn, error) {
		return Dial(ctx, network, net.JoinHostPort(node, port), Requests, 0)
	})
}

// lineListener is a net.Listener for one purpose and group.
type lineListener struct {
	net     *Net
	line    line
	streams chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *lineListener) give(c net.Conn) bool {
	select {
	case l.streams <- c:
		return true
	case <-l.closed:
		return false
	case <-l.net.done:
		return false
	}
}

// Accept returns the next stream.
func (l *lineListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.streams:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-l.net.done:
		return nil, net.ErrClosed
	}
}

// Close makes place for another listener.
func (l *lineListener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.lines, l.line)
		close(l.closed)
	})
	return nil
}

// Addr returns the address that other nodes dial.
func (l *lineListener) Addr() net.Addr { return address(l.net.Address(l.net.name)) }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// Config says how a group's transport behaves.
type Config struct {
	InFlight int           // requests to a follower under way at one time; zero for raft's default
	Timeout  time.Duration // of a request to another member; zero for 3 s
	// Members returns who belongs to the group as far as this node knows. It is nil where that never changes.
	Members func() raft.Configuration
	// MayVote tells whether the node votes, and may be asked to lead. It is nil if it always does; it counts where Members does.
	MayVote func() bool
	// Stuck tells whether the node cannot write now. As long as it does, followers hear nothing of it: they elect somebody who can. It
	// is nil if it always can, and wants InFlight to be 1, as what goes through a pipeline is not held back.
	Stuck func() bool
	// Done is closed when the group ends here: its streams end, and nothing waits for its other members any more. It may be nil.
	Done <-chan struct{}
}

// Transport returns raft's transport for a group.
func (n *Net) Transport(group uint32, c Config) (raft.Transport, error) {
	if c.Stuck != nil && c.InFlight != 1 {
		return nil, fmt.Errorf("raftnet: what a node that is stuck sends is held back only if requests go one at a time, not %d", c.InFlight)
	}
	l, err := n.Listener(Consensus, group)
	if err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	t := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:          layer{l, n, group, c.Done},
		MaxPool:         2,
		MaxRPCsInFlight: c.InFlight,
		Timeout:         c.Timeout,
		Logger:          hclog.NewNullLogger(),
	})
	if c.Done != nil {
		go func() { // raft does so only when its main loop has ended, which may be reading a snapshot that takes long to come
			<-c.Done
			t.Close()
		}()
	}
	if c.Stuck == nil {
		c.Stuck = func() bool { return false }
	}
	p := prompt{inLine: inLine{t}, net: n, group: group, stuck: c.Stuck, done: c.Done}
	if c.Members == nil {
		return p, nil
	}
	return welcome(p, c.Members, c.MayVote), nil
}

// Begin gives a group that has no state yet its first members: the nodes of these names.
func (n *Net) Begin(c *raft.Config, log raft.LogStore, values raft.StableStore, snapshots raft.SnapshotStore, t raft.Transport, nodes []string) error {
	known, err := raft.HasExistingState(log, values, snapshots)
	if err != nil {
		return fmt.Errorf("raftnet: look for the group's state: %w", err)
	}
	if known || len(nodes) == 0 {
		return nil
	}
	var members raft.Configuration
	for _, name := range nodes {
		members.Servers = append(members.Servers, raft.Server{ID: raft.ServerID(name), Address: n.Address(name)})
	}
	if err := raft.BootstrapCluster(c, log, values, snapshots, t, members); err != nil {
		return fmt.Errorf("raftnet: begin the group: %w", err)
	}
	return nil
}

// layer is a group's raft.StreamLayer.
type layer struct {
	net.Listener
	net   *Net
	group uint32
	done  <-chan struct{} // nil for never
}

// Accept returns the next stream of another node's requests.
func (l layer) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &steady{Conn: c}, nil
}

// Dial opens a stream to the same group on another node. It ends with the group: raft's transport, when it is closed, leaves it as it is, and raft
// waits for who sends a snapshot over it.
func (l layer) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, err := Dial(ctx, l.net.network, string(to), Consensus, l.group)
	if err != nil || l.done == nil {
		return c, err
	}
	b := &bound{Conn: c, closed: make(chan struct{})}
	go b.endWith(l.done)
	return b, nil
}

// bound is a stream that something else may end.
type bound struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (b *bound) endWith(done <-chan struct{}) {
	select {
	case <-done:
		b.Close()
	case <-b.closed:
	}
}

// Close closes the stream.
func (b *bound) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Conn.Close()
}

// inLine is a transport whose heartbeats wait in line with all other requests. Raft would take them
// beside its main loop, in the goroutine of their connection, and there (hashicorp/raft 1.8.0) a
// heartbeat may set the leader just after the main loop has forgotten it to become a candidate.
// If that leader is dead, the candidate rejects everybody's votes "since we have a leader", for ever.
type inLine struct{ *raft.NetworkTransport }

// SetHeartbeatHandler leaves heartbeats where they are.
func (inLine) SetHeartbeatHandler(func(raft.RPC)) {}
