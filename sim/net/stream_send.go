package net

import (
	"picloud/sim/channel"
)

// buffer takes bytes from the process. Bytes that may be on the wire stay where they are: the
// array is used again only when all of it was acknowledged, for then nobody reads it any more.
func (s *stream) buffer(data []byte) {
	if s.una == s.end() {
		s.base, s.buf = s.una, s.buf[:0]
	}
	if len(s.buf)+len(data) > cap(s.buf) {
		live := s.buf[s.una-s.base:]
		grown := make([]byte, len(live), max(2*len(live)+len(data), 512))
		copy(grown, live)
		s.base, s.buf = s.una, grown
	}
	s.buf = append(s.buf, data...)
}

// end returns the sequence number after the last byte that was buffered.
func (s *stream) end() uint64 {
	return s.base + uint64(len(s.buf))
}

func (s *stream) finAcked() bool { return s.finQueued && s.una > s.end() }

// output sends what the peer's window and the network's allow, and sees to the timer.
func (s *stream) output() {
	if s.state != stateOpen {
		return
	}
	now := s.host.net.loop.Now()
	if s.una == s.top && now.Sub(s.lastSent) > s.rto() {
		s.cwnd = min(s.cwnd, initialWindow) // what was known of the network is out of date
	}
	end := s.end()
	for {
		n := min(int64(end)-int64(s.nxt), maxUnit)
		fin := s.finQueued && s.nxt <= end
		if n <= 0 && !fin {
			break
		}
		if n > 0 {
			room := min(int64(s.una)+s.cwnd, int64(s.edge)) - int64(s.nxt)
			if room < n {
				if room < mss && s.nxt > s.una || room <= 0 {
					break // a packet's worth of room will come with an acknowledgement
				}
				n = room
				if n > mss {
					n -= n % mss
				}
			}
		}
		s.sendData(s.nxt, max(n, 0))
	}
	s.startTimer()
}

// sendData sends n bytes from seq on, and the end of the stream if it follows them.
func (s *stream) sendData(seq uint64, n int64) {
	g := s.segment(flagACK)
	g.seq = seq
	if n > 0 {
		from := seq - s.base
		g.data = s.buf[from : from+uint64(n)]
	}
	if s.finQueued && seq+uint64(n) == s.end() {
		g.flags |= flagFIN
	}
	end := g.end()
	if seq < s.top {
		s.host.net.stats.Retransmits++
		if s.timedSeq > seq {
			s.timedSeq = 0 // an answer could be to either (Karn)
		}
	} else if s.timedSeq == 0 {
		s.timedSeq, s.timedAt = end, s.host.net.loop.Now()
	}
	s.nxt = max(s.nxt, end)
	s.top = max(s.top, end)
	s.send(g)
}

// segment returns a segment with what every one of an open stream says.
func (s *stream) segment(f flags) *segment {
	g := s.host.net.newSegment()
	g.from, g.to, g.flags = s.from, s.to, f
	g.seq = s.nxt
	if f&flagACK != 0 {
		s.mustAck = false
		s.promised = max(s.promised, s.rcvNxt+uint64(max(receiveBuffer-(s.posted-s.consumed), 0)))
		g.ack, g.window = s.rcvNxt, int64(s.promised-s.rcvNxt)
		if len(s.ooo) > 0 {
			g.hole = s.ooo[0].seq
			for _, o := range s.ooo {
				g.later += o.packets()
			}
		}
	}
	return g
}

func (s *stream) send(g *segment) {
	s.lastSent = s.host.net.loop.Now()
	s.pair.send(g)
}

func (s *stream) sendAck() {
	if s.state != stateClosed {
		s.send(s.segment(flagACK))
	}
}

// sendProbe asks the peer to say where it stands: its sequence number is an old one.
func (s *stream) sendProbe() {
	g := s.segment(flagACK)
	g.seq = s.una - 1
	s.send(g)
}

func (s *stream) sendReset() {
	g := s.segment(flagRST | flagACK)
	g.seq = s.top
	s.send(g)
}

func (s *stream) sendSYN() {
	f := flagSYN
	if s.state == stateSynReceived {
		f |= flagACK
	}
	g := s.segment(f)
	g.seq = s.iss
	if s.retries == 0 {
		s.timedSeq, s.timedAt = s.iss+1, s.host.net.loop.Now()
	} else {
		s.timedSeq = 0
	}
	s.nxt, s.top = s.iss+1, s.iss+1
	s.send(g)
	s.startTimer()
}

// acknowledge takes what a segment says about the bytes that were sent.
func (s *stream) acknowledge(g *segment) {
	if g.ack > s.top || g.ack < s.una {
		return
	}
	if edge := g.ack + uint64(g.window); edge > s.edge {
		s.edge = edge
		if s.top == s.una { // the timer was probing a closed window
			s.retries = 0
			s.stopTimer()
		}
	}
	if g.ack > s.una {
		s.progress(g)
	}
	if g.later >= laterForRecover && !s.recovering && s.una >= s.recover && s.top > s.una {
		s.ssthresh = max(int64(s.top-s.una)/2, 2*mss)
		s.cwnd = s.ssthresh
		s.recovering, s.recover = true, s.top
		s.repair(g.hole)
	}
	s.output()
	s.settle()
}

// progress moves the oldest byte that is not acknowledged.
func (s *stream) progress(g *segment) {
	bytes := int64(min(g.ack, s.end()) - min(s.una, s.end()))
	s.una = g.ack
	s.nxt = max(s.nxt, s.una)
	s.retries = 0
	if s.timedSeq != 0 && s.una >= s.timedSeq {
		s.sampleRTT(s.host.net.loop.Now().Sub(s.timedAt))
		s.timedSeq = 0
	}
	if s.recovering && s.una >= s.recover {
		s.recovering = false
	}
	switch {
	case s.recovering:
		if g.later > 0 {
			s.repair(g.hole) // the next hole (RFC 6582)
		}
	case s.cwnd < s.ssthresh:
		s.cwnd = min(s.cwnd+bytes, maxWindow)
	default:
		if s.growth += bytes; s.growth >= s.cwnd {
			s.growth -= s.cwnd
			s.cwnd = min(s.cwnd+mss, maxWindow)
		}
	}
	if s.una >= s.top {
		s.stopTimer()
		if s.una >= s.end() && cap(s.buf) > keepBuffer {
			s.base, s.buf = s.end(), nil
		}
	} else {
		s.restartTimer()
	}
	s.credit += bytes
	s.report()
}

// repair sends again what is missing before the hole ends.
func (s *stream) repair(hole uint64) {
	if n := int64(min(hole, s.end())) - int64(s.una); n > 0 {
		s.sendData(s.una, min(n, s.cwnd, maxUnit))
	}
}

// report gives credit back to the process: at once if a writer waits and a third of the buffer
// is free, as Linux does, and otherwise with the next mail.
func (s *stream) report() {
	if s.credit == 0 || s.owner == nil {
		return
	}
	f := channel.Frame{Class: channel.ClassNet, Op: channel.NetCredit, ID: s.id, A: s.credit}
	switch {
	case s.wanted && (s.credit >= channel.SendBuffer/3 || s.una >= s.end()):
		s.wanted = false
		s.owner.guest.Post(f)
	case s.credit >= channel.SendBuffer/4:
		s.owner.guest.PostLazy(f)
	default:
		return
	}
	s.credit = 0
}
