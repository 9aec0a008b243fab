package machine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"picloud/node/host"
	"picloud/sim/channel"
)

// network is the process's end of the simulated network. The other end, with the state that
// outlives a process, is picloud/sim/net.
//
// It starts no goroutines: the one that takes the mail moves bytes into buffers and wakes whoever
// waits. Locks: a stream's or a socket's own lock may be held while n.mu is taken, never the
// other way round.
type network struct {
	port  channel.Port
	addr  netip.Addr
	names map[string]netip.Addr

	sent, received atomic.Int64 // bytes

	mu        sync.Mutex
	lastID    uint64
	conns     map[uint64]*conn
	listeners map[uint64]*listener
	packets   map[uint64]*packetConn
}

// NewNetwork returns the network of the machine called hostName. Names has the addresses of all
// machines, its own among them. It becomes the handler of frames of the network's class.
func NewNetwork(
	p channel.Port, hostName string, names map[string]netip.Addr,
) (host.Network, error) {
	n, err := newNetwork(p, hostName, names)
	if err != nil {
		return nil, err
	}
	return n, nil
}

func newNetwork(p channel.Port, hostName string, names map[string]netip.Addr) (*network, error) {
	addr, ok := names[hostName]
	if !ok {
		return nil, fmt.Errorf("machine: no address for %q", hostName)
	}
	n := &network{
		port: p, addr: addr, names: names,
		conns:     make(map[uint64]*conn),
		listeners: make(map[uint64]*listener),
		packets:   make(map[uint64]*packetConn),
	}
	p.Handle(channel.ClassNet, n.handle)
	return n, nil
}

// handle takes a frame from the kernel, in the mail goroutine.
func (n *network) handle(f channel.Frame) {
	n.received.Add(int64(len(f.Data)))
	switch f.Op {
	case channel.NetAccepted:
		n.accepted(f)
	case channel.NetPacket:
		n.mu.Lock()
		p := n.packets[f.ID]
		n.mu.Unlock()
		if p != nil {
			p.receive(f)
		}
	default:
		n.mu.Lock()
		c := n.conns[f.ID]
		n.mu.Unlock()
		if c != nil {
			c.handle(f)
		}
	}
}

// send sends a frame about something that is open.
func (n *network) send(op uint8, id uint64, a int64, data []byte) {
	n.sent.Add(int64(len(data)))
	n.port.Send(channel.Frame{Class: channel.ClassNet, Op: op, ID: id, A: a, Data: data})
}

// newID returns an ID for something that this process opens: even, see the channel's operations.
func (n *network) newID() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lastID += 2
	return n.lastID
}

func (n *network) add(c *conn) {
	n.mu.Lock()
	n.conns[c.id] = c
	n.mu.Unlock()
}

func (n *network) remove(c *conn) {
	n.mu.Lock()
	delete(n.conns, c.id)
	n.mu.Unlock()
}

// DialContext connects to "name:port" or "address:port".
func (n *network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(addr net.Addr, err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addr, Err: err}
	}
	if network != "tcp" && network != "tcp4" {
		return fail(nil, net.UnknownNetworkError(network))
	}
	to, err := n.resolve(address)
	if err != nil {
		return fail(nil, err)
	}
	remote := net.TCPAddrFromAddrPort(to)
	if err := ctx.Err(); err != nil {
		return fail(remote, contextError(err))
	}
	c := newConn(n, n.newID(), remote)
	answer := make(chan syscall.Errno, 1)
	c.answer = answer
	n.add(c)
	c.send(channel.NetDial, channel.PackAddr(to), nil)
	select {
	case errno := <-answer:
		if errno != 0 {
			return fail(remote, syscallError("connect", errno))
		}
		return c, nil
	case <-ctx.Done():
		n.remove(c)
		c.send(channel.NetAbort, 0, nil)
		return fail(remote, contextError(ctx.Err()))
	}
}

// resolve turns "name:port" into an address. The table is all there is: no lookup leaves the
// process. An empty name is this machine, as in the real stack.
func (n *network) resolve(address string) (netip.AddrPort, error) {
	name, port, err := splitAddress(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if name == "" || name == "localhost" {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), nil
	}
	if ip, ok := n.names[name]; ok {
		return netip.AddrPortFrom(ip, port), nil
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.Unmap().Is4() {
		return netip.AddrPortFrom(ip.Unmap(), port), nil
	}
	return netip.AddrPort{}, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// own checks that a process may listen on an address and returns its port.
func (n *network) own(address string) (netip.AddrPort, error) {
	name, port, err := splitAddress(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	own := netip.AddrPortFrom(n.addr, port)
	if name == "" || name == "localhost" {
		return own, nil
	}
	ip, known := n.names[name]
	if !known {
		if ip, err = netip.ParseAddr(name); err != nil {
			return own, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		}
	}
	if ip != n.addr && !ip.IsUnspecified() && !ip.IsLoopback() {
		return own, syscallError("bind", syscall.EADDRNOTAVAIL)
	}
	return own, nil
}

func splitAddress(address string) (name string, port uint16, err error) {
	name, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	number, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, &net.AddrError{Err: "invalid port", Addr: address}
	}
	return name, uint16(number), nil
}
