package hosttest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"picloud/node/host"
)

// Memory is a network in memory for tests within synctest: a stream is a net.Pipe, which takes no time.
type Memory struct {
	name string
	all  *machines
}

// machines is what all of them share.
type machines struct {
	mu        sync.Mutex
	listeners map[string]*memoryListener // by machine and port
	streams   map[string][]net.Conn      // by machine, both ends of each
}

var _ host.Network = (*Memory)(nil)

// NewMemory returns the network of one machine after another by their names; they reach one another.
func NewMemory() func(machine string) *Memory {
	all := &machines{listeners: map[string]*memoryListener{}, streams: map[string][]net.Conn{}}
	return func(machine string) *Memory { return &Memory{name: machine, all: all} }
}

// Listen listens on a port of the machine.
func (m *Memory) Listen(_, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	place := net.JoinHostPort(m.name, port)
	m.all.mu.Lock()
	defer m.all.mu.Unlock()
	if m.all.listeners[place] != nil {
		return nil, fmt.Errorf("listen on %s: the port is taken", place)
	}
	l := &memoryListener{all: m.all, machine: m.name, place: place, streams: make(chan net.Conn), closed: make(chan struct{})}
	m.all.listeners[place] = l
	return l, nil
}

// DialContext opens a stream to who listens there, and fails at once if nobody does.
func (m *Memory) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	m.all.mu.Lock()
	l := m.all.listeners[address]
	m.all.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	if l == nil {
		return nil, refused
	}
	near, far := net.Pipe()
	select {
	case l.streams <- far:
		m.all.mu.Lock()
		defer m.all.mu.Unlock()
		for _, machine := range []string{m.name, l.machine} {
			m.all.streams[machine] = append(m.all.streams[machine], near, far)
		}
		return near, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
}

// Cut ends all streams of the machine, as the end of its process would.
func (m *Memory) Cut() {
	m.all.mu.Lock()
	defer m.all.mu.Unlock()
	for _, c := range m.all.streams[m.name] {
		_ = c.Close()
	}
	delete(m.all.streams, m.name)
}

// ListenPacket is refused: there are no packets.
func (m *Memory) ListenPacket(_, _ string) (net.PacketConn, error) {
	return nil, errors.ErrUnsupported
}

type memoryListener struct {
	all     *machines
	machine string
	place   string
	streams chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.streams:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() {
		l.all.mu.Lock()
		defer l.all.mu.Unlock()
		delete(l.all.listeners, l.place)
		close(l.closed)
	})
	return nil
}

func (l *memoryListener) Addr() net.Addr { return memoryAddress(l.place) }

type memoryAddress string

func (memoryAddress) Network() string  { return "tcp" }
func (a memoryAddress) String() string { return string(a) }
