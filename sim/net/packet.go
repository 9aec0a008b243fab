package net

import (
	"syscall"

	"picloud/sim/channel"
)

const packetBuffer = 208 << 10 // net.core.rmem_default

// packetSocket is a UDP port.
type packetSocket struct {
	host             *Host
	owner            *owner
	id               uint64
	port             uint16
	posted, consumed int64 // bytes handed to the process, and read by it
}

func (h *Host) openPackets(o *owner, id uint64, port uint16) (uint16, syscall.Errno) {
	port, errno := h.localPort(port, func(p uint16) bool { return h.packets[p] != nil })
	if errno != 0 {
		return 0, errno
	}
	p := &packetSocket{host: h, owner: o, id: id, port: port}
	h.packets[port] = p
	o.packets[id] = p
	return port, 0
}

func (p *packetSocket) handle(f channel.Frame) {
	switch f.Op {
	case channel.NetPacketClose:
		p.close()
	case channel.NetPacketConsumed:
		p.consumed = max(p.consumed, min(f.A, p.posted))
	case channel.NetPacket:
		p.send(endpoint(f.A), f.Data)
	}
}

func (p *packetSocket) send(to endpoint, data []byte) {
	peer := p.host.net.host(p.host, to.ip())
	if peer == nil || len(data) > channel.MaxPacket {
		return
	}
	g := p.host.net.newSegment()
	g.flags = flagUDP
	g.from, g.to = makeEndpoint(p.host.ip, p.port), to
	if to.ip()>>24 == 127 {
		g.from = makeEndpoint(to.ip(), p.port)
	}
	g.own = append(g.own[:0], data...)
	g.data = g.own
	p.host.pair(peer).send(g)
}

// receive hands a packet to the process, or drops it if the process has too many to read.
func (p *packetSocket) receive(g *segment) {
	if p.posted-p.consumed+int64(len(g.data)) > packetBuffer {
		p.host.net.stats.QueueDrops += int64(g.packets())
		return
	}
	p.posted += int64(len(g.data))
	p.owner.guest.Post(channel.Frame{
		Class: channel.ClassNet, Op: channel.NetPacket, ID: p.id, A: int64(g.from), Data: g.data,
	})
}

func (p *packetSocket) close() {
	delete(p.host.packets, p.port)
	delete(p.owner.packets, p.id)
}
