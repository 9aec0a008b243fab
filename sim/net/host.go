package net

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// The ports that a stack gives out by itself, as Linux does.
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

// Host is a machine's card and the network stack of its operating system.
type Host struct {
	net      *Network
	name     string
	addr     netip.Addr
	ip       uint32
	fabric   *fabric
	up, down *link
	coalesce time.Duration
	rng      *rand.Rand // initial sequence numbers, first ephemeral port
	on       bool
	noFiles  *Applied // the fault for which it has no descriptor left, nil if it has some

	pairs     map[*Host]*pair
	owners    map[uint64]*owner
	streams   map[flow]*stream
	listeners map[uint16]*listener
	packets   map[uint16]*packetSocket
	ephemeral uint16

	arrived   []*segment // wait for the interrupt
	taken     []*segment // the array of the last interrupt, to be used again
	interrupt *event.Timer
	take      func()
	toAck     []*stream // have received something in this interrupt
}

// flow names a stream within a machine. The remote end is 48 bits wide and the local port 16.
type flow uint64

func makeFlow(local uint16, remote endpoint) flow { return flow(remote)<<16 | flow(local) }

// owner is a process with what it has open.
type owner struct {
	guest     channel.Guest
	lastID    uint64 // of the streams that were accepted for it
	streams   map[uint64]*stream
	listeners map[uint64]*listener
	packets   map[uint64]*packetSocket
}

func newHost(n *Network, cfg HostConfig, addr netip.Addr) *Host {
	b := addr.As4()
	h := &Host{
		net: n, name: cfg.Name, addr: addr, ip: binary.BigEndian.Uint32(b[:]),
		fabric: n.switches[cfg.Switch], coalesce: cfg.Coalesce,
		rng:    n.loop.Stream("net/host/" + cfg.Name),
		pairs:  make(map[*Host]*pair),
		owners: make(map[uint64]*owner),
	}
	h.up, h.down = newLinks(n.loop, cfg.Name, cfg.Link)
	h.take = h.onInterrupt
	h.PowerOn()
	return h
}

// Name returns the machine's name.
func (h *Host) Name() string { return h.name }

// Addr returns the machine's address.
func (h *Host) Addr() netip.Addr { return h.addr }

// BytesPerSecond returns what the machine's wire carries now.
func (h *Host) BytesPerSecond() int64 { return h.up.rate }

// PowerOn starts an empty stack: it refuses streams that nobody listens for, and resets those of
// its earlier life when it hears of them.
func (h *Host) PowerOn() {
	if h.on {
		return
	}
	h.on = true
	h.streams = make(map[flow]*stream)
	h.listeners = make(map[uint16]*listener)
	h.packets = make(map[uint16]*packetSocket)
	h.ephemeral = firstEphemeral + uint16(h.rng.IntN(lastEphemeral-firstEphemeral))
}

// PowerOff ends the stack at once and in silence. What it has sent is on the wire.
func (h *Host) PowerOff() {
	if !h.on {
		return
	}
	h.on = false
	for _, s := range h.streams {
		s.stopTimers() // in any order: nothing is sent
		s.state = stateClosed
	}
	clear(h.owners)
	h.streams, h.listeners, h.packets = nil, nil, nil
	for _, s := range h.arrived {
		h.net.free(s)
	}
	h.arrived = h.arrived[:0]
	h.net.loop.Stop(h.interrupt)
	h.interrupt = nil
}

// Gone says that a process died. The stack closes what it had open, as an operating system does:
// streams with data that the process had not read are reset, others end after what was written.
func (h *Host) Gone(g channel.Guest) {
	o := h.owners[g.PID()]
	if o == nil {
		return
	}
	delete(h.owners, g.PID())
	for _, id := range sortedKeys(o.listeners) {
		o.listeners[id].close()
	}
	for _, id := range sortedKeys(o.packets) {
		o.packets[id].close()
	}
	for _, id := range sortedKeys(o.streams) {
		s := o.streams[id]
		s.close(s.consumed)
	}
}

func sortedKeys[V any](m map[uint64]V) []uint64 {
	keys := make([]uint64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Handle takes a frame from a process on this machine.
func (h *Host) Handle(g channel.Guest, f channel.Frame) {
	if !h.on {
		return
	}
	o := h.owners[g.PID()]
	if o == nil {
		o = &owner{
			guest: g, lastID: 1,
			streams:   make(map[uint64]*stream),
			listeners: make(map[uint64]*listener),
			packets:   make(map[uint64]*packetSocket),
		}
		h.owners[g.PID()] = o
	}
	if h.noFiles != nil && h.refuseFile(g, f) {
		return
	}
	switch f.Op {
	case channel.NetListen:
		port, errno := h.listen(o, uint64(f.B), uint16(f.A))
		answer(g, f.ID, port, errno)
	case channel.NetPacketOpen:
		port, errno := h.openPackets(o, uint64(f.B), uint16(f.A))
		answer(g, f.ID, port, errno)
	case channel.NetUnlisten, channel.NetTaken:
		if l := o.listeners[f.ID]; l != nil {
			l.handle(f)
		}
	case channel.NetDial:
		h.dial(o, f.ID, endpoint(f.A))
	case channel.NetPacketClose, channel.NetPacket, channel.NetPacketConsumed:
		if p := o.packets[f.ID]; p != nil {
			p.handle(f)
		}
	default:
		if s := o.streams[f.ID]; s != nil {
			s.handle(f)
		}
	}
}

// answer replies to a call that opened a port.
func answer(g channel.Guest, id uint64, port uint16, errno syscall.Errno) {
	g.Post(channel.Frame{
		Class: channel.ClassNet, Op: channel.OpReply, ID: id, A: int64(port), Err: errno,
	})
}

// arrive takes a segment from the wire. The first after idle arms the card's interrupt.
func (h *Host) arrive(s *segment) {
	if !h.on {
		h.net.free(s)
		return
	}
	if s.pair.from == h {
		h.receive(s)
		h.sendAcks()
		return
	}
	h.arrived = append(h.arrived, s)
	if h.interrupt == nil {
		h.interrupt = h.net.loop.After(h.coalesce, h.take)
	}
}

// onInterrupt takes all that has arrived, then acknowledges it.
func (h *Host) onInterrupt() {
	h.interrupt = nil
	h.net.stats.Interrupts++
	batch := h.arrived
	h.arrived = h.taken[:0]
	for i, s := range batch {
		batch[i] = nil
		h.receive(s)
	}
	h.taken = batch
	h.sendAcks()
}

func (h *Host) sendAcks() {
	for i, s := range h.toAck {
		h.toAck[i] = nil
		if s.mustAck {
			s.sendAck()
		}
	}
	h.toAck = h.toAck[:0]
}

// receive hands a segment to whom it is for, and frees it unless it is kept.
func (h *Host) receive(s *segment) {
	kept := false
	if s.flags&flagUDP != 0 {
		if p := h.packets[s.to.port()]; p != nil {
			p.receive(s)
		}
	} else if st := h.streams[makeFlow(s.to.port(), s.from)]; st != nil {
		kept = st.receive(s)
	} else if l := h.listeners[s.to.port()]; l != nil && s.opens() {
		l.receive(s)
	} else if s.flags&flagRST == 0 {
		h.refuse(s)
	}
	if !kept {
		h.net.free(s)
	}
}

// refuse answers a segment for a stream that does not exist.
func (h *Host) refuse(s *segment) {
	r := h.reply(s)
	r.flags = flagRST
	if s.flags&flagACK != 0 {
		r.seq = s.ack
	} else {
		r.flags |= flagACK
		r.ack = s.end()
	}
	h.pair(s.pair.from).send(r)
}

func (h *Host) reply(s *segment) *segment {
	r := h.net.newSegment()
	r.from, r.to = s.to, s.from
	return r
}

// freePort returns a port that used does not hold against; zero if there is none.
func (h *Host) freePort(used func(uint16) bool) uint16 {
	for range lastEphemeral - firstEphemeral + 1 {
		port := h.ephemeral
		if h.ephemeral++; h.ephemeral > lastEphemeral {
			h.ephemeral = firstEphemeral
		}
		if !used(port) {
			return port
		}
	}
	return 0
}

// localPort checks a port that a process asks for, or picks one if it is zero.
func (h *Host) localPort(port uint16, used func(uint16) bool) (uint16, syscall.Errno) {
	if port == 0 {
		if port = h.freePort(used); port == 0 {
			return 0, syscall.EADDRNOTAVAIL
		}
		return port, 0
	}
	if used(port) {
		return 0, syscall.EADDRINUSE
	}
	return port, 0
}
