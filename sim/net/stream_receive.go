package net

import (
	"syscall"

	"picloud/sim/channel"
)

// receive takes a segment from the peer and tells whether it keeps it.
func (s *stream) receive(g *segment) (kept bool) {
	s.heard = s.host.net.loop.Now()
	s.probes = 0
	if g.flags&flagRST != 0 {
		s.receiveReset(g)
		return false
	}
	switch s.state {
	case stateSynSent:
		if g.flags&flagACK != 0 && g.ack != s.iss+1 {
			s.host.refuse(g) // it is for a stream of an earlier life
		} else if g.flags&(flagSYN|flagACK) == flagSYN|flagACK {
			s.rcvNxt = g.seq + 1
			s.open(g)
			s.sendAck()
			s.post(channel.NetConnected, int64(s.from.port()), 0)
		}
		return false
	case stateSynReceived:
		if g.flags&flagSYN != 0 {
			s.sendSYN()
			return false
		}
		if g.flags&flagACK == 0 || g.ack <= s.iss {
			s.host.refuse(g)
			return false
		}
		s.open(g)
		s.listener.accept(s)
	}
	if g.flags&flagSYN != 0 {
		s.needAck() // the answer makes a peer that has forgotten the stream reset it
		return false
	}
	if s.acknowledge(g); s.state == stateClosed {
		return false
	}
	return s.take(g)
}

// open makes an end of the handshake into an open stream.
func (s *stream) open(g *segment) {
	s.state = stateOpen
	s.base = s.iss + 1
	s.una, s.nxt, s.top = s.base, s.base, s.base
	s.edge = g.ack + uint64(g.window)
	s.retries = 0
	if s.timedSeq != 0 {
		s.sampleRTT(s.heard.Sub(s.timedAt))
		s.timedSeq = 0
	}
	s.stopTimer()
	s.startIdle(keepAliveIdle)
}

func (s *stream) receiveReset(g *segment) {
	switch {
	case s.state == stateSynSent:
		if g.flags&flagACK != 0 && g.ack == s.iss+1 {
			s.fail(syscall.ECONNREFUSED)
		}
	case g.seq < s.rcvNxt || g.seq > max(s.promised, s.rcvNxt+1):
		// Not in the window: a late echo of another stream.
	case s.state == stateSynReceived, s.peerFin && s.finQueued:
		s.remove() // both ends were done
	case s.peerFin:
		s.fail(syscall.EPIPE)
	default:
		s.fail(syscall.ECONNRESET)
	}
}

// take sorts the bytes of a segment in, and tells whether it keeps the segment for later.
func (s *stream) take(g *segment) (kept bool) {
	if len(g.data) == 0 && g.flags&flagFIN == 0 {
		if g.seq < s.rcvNxt {
			s.needAck() // a probe
		}
		return false
	}
	s.needAck()
	switch {
	case s.peerFin || g.end() <= s.rcvNxt:
		return false // known
	case g.seq > s.rcvNxt:
		if g.end() > s.promised+1 {
			return false // no room
		}
		s.ooo = insert(s.ooo, g)
		return true
	}
	s.accept(g)
	for len(s.ooo) > 0 && s.ooo[0].seq <= s.rcvNxt && s.state == stateOpen {
		next := s.ooo[0]
		s.ooo = append(s.ooo[:0], s.ooo[1:]...)
		if next.end() > s.rcvNxt {
			s.accept(next)
		}
		s.host.net.free(next)
	}
	return false
}

// accept hands the bytes that follow those before to the process.
func (s *stream) accept(g *segment) {
	data := g.data[min(s.rcvNxt-g.seq, uint64(len(g.data))):]
	fin := g.flags&flagFIN != 0
	if room := s.promised - s.rcvNxt; uint64(len(data)) > room {
		data, fin = data[:room], false
	}
	if len(data) > 0 {
		if s.owner == nil { // nobody will ever read them
			s.abort()
			return
		}
		s.rcvNxt += uint64(len(data))
		s.posted += int64(len(data))
		s.owner.guest.Post(channel.Frame{
			Class: channel.ClassNet, Op: channel.NetData, ID: s.id, Data: data,
		})
	}
	if fin {
		s.rcvNxt++
		s.peerFin = true
		if s.owner != nil {
			s.post(channel.NetEOF, 0, 0)
		}
		s.settle()
	}
}

// needAck asks for an acknowledgement at the end of the interrupt, one for all segments of it.
func (s *stream) needAck() {
	if !s.mustAck {
		s.mustAck = true
		s.host.toAck = append(s.host.toAck, s)
	}
}

// consume notes what the process has read, and says so to the peer once the window is small and
// would grow much.
func (s *stream) consume(total int64) {
	if total <= s.consumed || total > s.posted {
		return
	}
	s.consumed = total
	shown := int64(s.promised - s.rcvNxt)
	room := receiveBuffer - (s.posted - s.consumed)
	small, grows := shown < receiveBuffer/2, room-shown >= receiveBuffer/4
	if s.state == stateOpen && !s.peerFin && small && grows {
		s.sendAck()
	}
}
