package machine

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"picloud/node/host"
	"picloud/sim/channel"
)

// packetConn is a packet socket.
type packetConn struct {
	net   *network
	id    uint64
	local *net.UDPAddr

	mu       sync.Mutex
	arrival  sync.Cond
	queue    []datagram
	spare    [][]byte // buffers of packets that were read
	consumed int64
	reported int64
	closed   bool
	readBy   deadline
	writeBy  deadline
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

// ListenPacket opens a packet socket on ":port"; port 0 picks a free one.
func (n *network) ListenPacket(network, address string) (net.PacketConn, error) {
	if network != "udp" && network != "udp4" {
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	own, err := n.own(address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	p := &packetConn{net: n, id: n.newID(), local: net.UDPAddrFromAddrPort(own)}
	p.arrival.L = &p.mu
	p.readBy.wake, p.writeBy.wake = &p.arrival, &p.arrival
	n.mu.Lock()
	n.packets[p.id] = p
	n.mu.Unlock()
	reply := n.port.Call(channel.Frame{
		Class: channel.ClassNet, Op: channel.NetPacketOpen, A: int64(own.Port()), B: int64(p.id),
	})
	if reply.Err != 0 {
		n.forgetPackets(p)
		err := syscallError("bind", reply.Err)
		return nil, &net.OpError{Op: "listen", Net: network, Addr: p.local, Err: err}
	}
	p.local.Port = int(reply.A)
	return p, nil
}

func (n *network) forgetPackets(p *packetConn) {
	n.mu.Lock()
	delete(n.packets, p.id)
	n.mu.Unlock()
}

// receive queues a packet, in the mail goroutine.
func (p *packetConn) receive(f channel.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var buf []byte
	if last := len(p.spare) - 1; last >= 0 {
		buf, p.spare = p.spare[last], p.spare[:last]
	}
	p.queue = append(p.queue, datagram{channel.UnpackAddr(f.A), append(buf[:0], f.Data...)})
	p.arrival.Signal()
}

// ReadFrom takes the next packet, or waits for one. What does not fit into b is lost.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.closed:
			return 0, nil, p.opError("read", nil, net.ErrClosed)
		case p.readBy.expired:
			return 0, nil, p.opError("read", nil, os.ErrDeadlineExceeded)
		case len(p.queue) > 0:
			d := p.queue[0]
			p.queue[0] = datagram{}
			if p.queue = p.queue[1:]; len(p.queue) == 0 {
				p.queue = nil
			}
			n := copy(b, d.data)
			p.done(d.data)
			return n, net.UDPAddrFromAddrPort(d.from), nil
		}
		p.arrival.Wait()
	}
}

// done tells the kernel about packets that were read, and keeps a few buffers.
func (p *packetConn) done(data []byte) {
	if len(p.spare) < 16 && cap(data) <= 2048 {
		p.spare = append(p.spare, data)
	}
	p.consumed += int64(len(data))
	if len(p.queue) == 0 || p.consumed-p.reported >= reportBytes {
		p.reported = p.consumed
		p.send(channel.NetPacketConsumed, p.consumed, nil)
	}
}

// WriteTo sends a packet and does not learn what becomes of it. The address is a *net.UDPAddr or a
// host.PacketAddr.
func (p *packetConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to, err := p.destination(addr)
	switch {
	case p.closed:
		return 0, p.opError("write", addr, net.ErrClosed)
	case p.writeBy.expired:
		return 0, p.opError("write", addr, os.ErrDeadlineExceeded)
	case err != nil:
		return 0, p.opError("write", addr, err)
	case len(b) > channel.MaxPacket:
		return 0, p.opError("write", addr, syscallError("sendto", syscall.EMSGSIZE))
	}
	p.send(channel.NetPacket, channel.PackAddr(to), b)
	return len(b), nil
}

func (p *packetConn) destination(addr net.Addr) (netip.AddrPort, error) {
	switch a := addr.(type) {
	case *net.UDPAddr:
		to := a.AddrPort()
		ip := to.Addr().Unmap()
		if !ip.Is4() {
			return to, syscallError("sendto", syscall.EINVAL)
		}
		return netip.AddrPortFrom(ip, to.Port()), nil
	case host.PacketAddr:
		return p.net.resolve(string(a))
	}
	return netip.AddrPort{}, syscall.EINVAL
}

func (p *packetConn) send(op uint8, a int64, data []byte) {
	p.net.send(op, p.id, a, data)
}

func (p *packetConn) opError(op string, to net.Addr, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: p.local, Addr: to, Err: err}
}

// Close closes the socket; packets that were not read are lost.
func (p *packetConn) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.opError("close", nil, net.ErrClosed)
	}
	p.closed = true
	p.readBy.stop()
	p.writeBy.stop()
	p.net.forgetPackets(p)
	p.queue, p.spare = nil, nil
	p.send(channel.NetPacketClose, 0, nil)
	p.arrival.Broadcast()
	return nil
}

// LocalAddr returns the socket's address.
func (p *packetConn) LocalAddr() net.Addr { return p.local }

// SetDeadline sets both deadlines.
func (p *packetConn) SetDeadline(t time.Time) error {
	return p.setDeadlines(t, &p.readBy, &p.writeBy)
}

// SetReadDeadline makes reads fail from t on; the zero time takes the deadline away.
func (p *packetConn) SetReadDeadline(t time.Time) error { return p.setDeadlines(t, &p.readBy) }

// SetWriteDeadline makes writes fail from t on; the zero time takes the deadline away.
func (p *packetConn) SetWriteDeadline(t time.Time) error { return p.setDeadlines(t, &p.writeBy) }

func (p *packetConn) setDeadlines(t time.Time, which ...*deadline) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.opError("set", nil, net.ErrClosed)
	}
	for _, d := range which {
		d.set(t)
	}
	return nil
}
