package raftnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/host/hosttest"
)

// two returns two nodes on loopback that know each other by name.
func two(t *testing.T) (a, b *Net) {
	t.Helper()
	open := func(name string) *Net {
		n, err := Listen(&host.RealNetwork{}, name, "0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n
	}
	return open("pi-1"), open("pi-2")
}

// addressOf is where a node really listens.
func addressOf(n *Net) string { return n.listener.Addr().String() }

func dial(t *testing.T, from, to *Net, purpose Purpose, group uint32) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := Dial(ctx, from.network, addressOf(to), purpose, group)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func TestStreamsReachTheirGroup(t *testing.T) {
	a, b := two(t)
	for _, to := range []line{{Consensus, 1}, {Consensus, 2}, {Copy, 1}} {
		l, err := b.Listener(to.purpose, to.group)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				fmt.Fprintf(c, "%c%d", to.purpose, to.group)
				c.Close()
			}
		}()
	}
	for _, to := range []line{{Copy, 1}, {Consensus, 2}, {Consensus, 1}} {
		got, err := io.ReadAll(dial(t, a, b, to.purpose, to.group))
		if want := fmt.Sprintf("%c%d", to.purpose, to.group); string(got) != want || err != nil {
			t.Errorf("a stream for %s reached %q: %v", want, got, err)
		}
	}
}

func TestStreamsForNobodyAreClosed(t *testing.T) {
	a, b := two(t)
	l, err := b.Listener(Consensus, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Listener(Consensus, 1); err == nil {
		t.Error("two listen for one group")
	}
	l.Close()
	for _, to := range []line{{Consensus, 1}, {Copy, 1}, {Consensus, 7}, {'x', 1}} {
		if n, err := dial(t, a, b, to.purpose, to.group).Read(make([]byte, 1)); err == nil {
			t.Errorf("a stream for %c%d had %d bytes to read", to.purpose, to.group, n)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener: %v", err)
	}
	if l, err = b.Listener(Consensus, 1); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener of a closed port: %v", err)
	}
}

// TestHeartbeatsWaitInLine: the handler that raft gives for heartbeats must not be used.
func TestHeartbeatsWaitInLine(t *testing.T) {
	a, _ := two(t)
	transport, err := a.Transport(1, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, waits := transport.(prompt); !waits {
		t.Errorf("the transport is a %T", transport)
	}
}

// tired is a network whose listeners fail now and then, as where too many files are open.
type tired struct{ host.Network }

func (n tired) Listen(network, address string) (net.Listener, error) {
	l, err := n.Network.Listen(network, address)
	return &tiredListener{Listener: l}, err
}

type tiredListener struct {
	net.Listener
	calls int
}

func (l *tiredListener) Accept() (net.Conn, error) {
	if l.calls++; l.calls%2 == 1 {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestAPortThatCouldNotAcceptOnceGoesOn(t *testing.T) {
	a, _ := two(t)
	b, err := Listen(tired{&host.RealNetwork{}}, "pi-2", "0")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	l, err := b.Listener(Requests, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		dial(t, a, b, Requests, 0)
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
}

// zeros is a snapshot that does not end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestAGroupEndsWhileItSendsASnapshot: who is sent it reads nothing, and it has hours, as it is large.
func TestAGroupEndsWhileItSendsASnapshot(t *testing.T) {
	network := hosttest.NewMemory()
	from, err := Listen(network("a"), "a", "7000")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := Listen(network("b"), "b", "7000")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	l, err := to.Listener(Consensus, 1)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	way, err := from.Transport(1, Config{InFlight: 1, Done: done})
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		q := &raft.InstallSnapshotRequest{SnapshotVersion: 1, Term: 1, LastLogIndex: 1000, LastLogTerm: 1, Size: 1 << 40}
		sent <- way.InstallSnapshot("b", "b:7000", q, &raft.InstallSnapshotResponse{}, zeros{})
	}()
	stream, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	close(done)
	select {
	case err := <-sent:
		if err == nil {
			t.Error("it says that all is sent")
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on sending")
	}
}
