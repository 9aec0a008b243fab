package net

import (
	"slices"
	"time"

	"picloud/sim/event"
)

// Sizes on an Ethernet wire. Packets of a stream carry the timestamp option, as Linux's do.
const (
	mss          = 1448 // most bytes of a stream in a packet
	fragment     = 1480 // most bytes of a UDP packet, its header included, in an Ethernet frame
	overhead     = 90   // frame, gap, IP and TCP headers with timestamps, in bytes
	wirePacket   = mss + overhead
	maxUnit      = 45 * mss // most bytes handed to the card at once, under channel.MaxData
	minimumFrame = 84       // with preamble and gap
)

// endpoint is an address and a port: 16 bits of port below 32 of address, as frames carry it.
type endpoint uint64

func (e endpoint) ip() uint32   { return uint32(e >> 16) }
func (e endpoint) port() uint16 { return uint16(e) }

func makeEndpoint(ip uint32, port uint16) endpoint { return endpoint(ip)<<16 | endpoint(port) }

type flags uint8

const (
	flagSYN flags = 1 << iota
	flagACK
	flagFIN
	flagRST
	flagUDP
)

// segment is what travels at once: up to 45 packets of a stream that were handed to the card in
// one go, or one UDP packet with its fragments.
type segment struct {
	pair     *pair // the way that it goes
	from, to endpoint
	flags    flags
	seq, ack uint64
	window   int64  // bytes that the sender of the segment has room for after ack
	later    int    // packets that it holds beyond a hole, and
	hole     uint64 // where the hole that starts at ack ends
	data     []byte // the sender's buffer, or own
	own      []byte
	arrive   func() // bound once: segments are reused
}

// end returns the sequence number after the segment.
func (s *segment) end() uint64 {
	end := s.seq + uint64(len(s.data))
	if s.flags&(flagSYN|flagFIN) != 0 {
		end++
	}
	return end
}

// packets returns how many packets the segment is on the wire.
func (s *segment) packets() int {
	n := 0
	if s.flags&flagUDP != 0 {
		n = (len(s.data) + 8 + fragment - 1) / fragment
	} else {
		n = (len(s.data) + mss - 1) / mss
	}
	return max(n, 1)
}

// carries tells whether the segment is of or for that port.
func (s *segment) carries(port uint16) bool {
	return s.from.port() == port || s.to.port() == port
}

// opens tells whether the segment asks for a new stream.
func (s *segment) opens() bool { return s.flags&(flagSYN|flagACK|flagRST) == flagSYN }

// unshare gives the segment data of its own.
func (s *segment) unshare() {
	s.own = append(s.own[:0], s.data...)
	s.data = s.own
}

func (n *Network) newSegment() *segment {
	if last := len(n.spare) - 1; last >= 0 {
		s := n.spare[last]
		n.spare = n.spare[:last]
		return s
	}
	s := &segment{}
	s.arrive = func() { s.pair.to.arrive(s) }
	return s
}

// free takes a segment back that nothing refers to any more.
func (n *Network) free(s *segment) {
	own, arrive := s.own, s.arrive
	*s = segment{own: own[:0], arrive: arrive}
	n.spare = append(n.spare, s)
}

func (n *Network) clone(s *segment) *segment {
	c := n.newSegment()
	own, arrive := c.own, c.arrive
	*c = *s
	c.own, c.arrive = own, arrive
	if len(s.own) > 0 {
		c.unshare()
	}
	return c
}

// transit is a segment on its way, while faults and queues decide what becomes of it.
type transit struct {
	pair      *pair
	seg       *segment
	now       event.Time
	packets   int
	late      time.Duration // what faults and tails add
	dropped   bool
	unordered bool            // leaves the order of the wire
	copies    []time.Duration // copies arrive so much after it
	held      *clogged
	waits     *waiting // in narrow queues
}

// wireBytes returns what the unit occupies on the wire.
func (t *transit) wireBytes() int64 {
	return max(int64(len(t.seg.data)+t.packets*overhead), minimumFrame)
}

// keep drops all packets after the first k and returns how many that were. A UDP packet misses
// all if it misses one.
func (t *transit) keep(k int) (lost int) {
	if k >= t.packets {
		return 0
	}
	if k <= 0 || t.seg.flags&flagUDP != 0 {
		t.dropped = true
		return t.packets - max(k, 0)
	}
	lost = t.packets - k
	t.packets = k
	t.seg.data = t.seg.data[:k*mss]
	t.seg.flags &^= flagFIN
	return lost
}

// insert keeps segments sorted by sequence number, earlier arrivals first.
func insert(list []*segment, s *segment) []*segment {
	i := len(list)
	for i > 0 && list[i-1].seq > s.seq {
		i--
	}
	return slices.Insert(list, i, s)
}
