package machine

import (
	"net"
	"os"
	"sync"
	"time"

	"picloud/sim/channel"
)

// listener is a port that accepts streams.
type listener struct {
	net  *network
	id   uint64
	addr *net.TCPAddr

	mu       sync.Mutex
	arrival  sync.Cond
	queue    []*conn
	closed   bool
	acceptBy deadline
}

// Listen listens for streams on ":port"; port 0 picks a free one.
func (n *network) Listen(network, address string) (net.Listener, error) {
	if network != "tcp" && network != "tcp4" {
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	own, err := n.own(address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	l := &listener{net: n, id: n.newID(), addr: net.TCPAddrFromAddrPort(own)}
	l.arrival.L = &l.mu
	l.acceptBy.wake = &l.arrival
	n.mu.Lock()
	n.listeners[l.id] = l // before the call: a stream may arrive with the reply
	n.mu.Unlock()
	reply := n.port.Call(channel.Frame{
		Class: channel.ClassNet, Op: channel.NetListen, A: int64(own.Port()), B: int64(l.id),
	})
	if reply.Err != 0 {
		n.forget(l)
		err := syscallError("bind", reply.Err)
		return nil, &net.OpError{Op: "listen", Net: network, Addr: l.addr, Err: err}
	}
	l.addr.Port = int(reply.A)
	return l, nil
}

func (n *network) forget(l *listener) {
	n.mu.Lock()
	delete(n.listeners, l.id)
	n.mu.Unlock()
}

// accepted queues a stream that the kernel has accepted. If the listener was closed meanwhile the
// kernel has reset the stream, or will when it hears of that.
func (n *network) accepted(f channel.Frame) {
	n.mu.Lock()
	l := n.listeners[uint64(f.B)]
	n.mu.Unlock()
	if l == nil {
		return
	}
	c := newConn(n, f.ID, net.TCPAddrFromAddrPort(channel.UnpackAddr(f.A)))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	c.local.Port = l.addr.Port
	n.add(c)
	l.queue = append(l.queue, c)
	l.arrival.Signal()
}

// Accept takes the next stream, or waits for one.
func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, l.opError("accept", net.ErrClosed)
		case l.acceptBy.expired:
			return nil, l.opError("accept", os.ErrDeadlineExceeded)
		case len(l.queue) > 0:
			c := l.queue[0]
			l.queue[0] = nil
			l.queue = l.queue[1:]
			l.send(channel.NetTaken, int64(c.id))
			return c, nil
		}
		l.arrival.Wait()
	}
}

// Close stops listening. Streams that were not taken are reset; those that were stay open.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.opError("close", net.ErrClosed)
	}
	l.closed = true
	l.acceptBy.stop()
	l.net.forget(l)
	for _, c := range l.queue {
		l.net.remove(c)
	}
	l.queue = nil
	l.send(channel.NetUnlisten, 0)
	l.arrival.Broadcast()
	return nil
}

// Addr returns the address that the listener listens on.
func (l *listener) Addr() net.Addr { return l.addr }

// SetDeadline makes Accept fail from t on; the zero time takes the deadline away.
func (l *listener) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.opError("set", net.ErrClosed)
	}
	l.acceptBy.set(t)
	return nil
}

func (l *listener) send(op uint8, a int64) {
	l.net.port.Send(channel.Frame{Class: channel.ClassNet, Op: op, ID: l.id, A: a})
}

func (l *listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.addr, Err: err}
}
