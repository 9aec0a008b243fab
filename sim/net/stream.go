package net

import (
	"syscall"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// The traits of Linux's TCP with the settings that Go's net package asks for.
const (
	receiveBuffer   = 256 << 10
	keepBuffer      = 64 << 10 // most that an idle stream keeps of its send buffer
	initialWindow   = 10 * mss // RFC 6928
	maxWindow       = 1 << 20  // of congestion; above any send buffer
	minRTO          = 200 * time.Millisecond
	maxRTO          = 120 * time.Second
	initialRTO      = time.Second
	synRetries      = 6  // 1, 3, 7, ... 63 s; gives up at 127 s
	synAckRetries   = 5  // gives up at 63 s
	dataRetries     = 15 // tcp_retries2
	orphanRetries   = 8  // the same once no process holds the stream
	keepAliveIdle   = 15 * time.Second
	keepAliveProbes = 9
	finTimeout      = 60 * time.Second // a closed stream waits so long for its peer to close
	laterForRecover = 3                // packets past a hole that prove a loss
)

type state uint8

const (
	stateSynSent state = iota
	stateSynReceived
	stateOpen // and closing: finQueued, peerFin and orphan tell how far
	stateClosed
)

// stream is one end of a TCP stream. Sequence numbers have 64 bits and do not wrap.
type stream struct {
	host     *Host
	pair     *pair // the way to the peer
	from, to endpoint
	state    state
	owner    *owner // nil once no process holds it
	id       uint64
	listener *listener // while it is in a listener's queue
	active   bool      // this end dialled

	// Sending. Segments on the wire refer to buf.
	buf            []byte
	base           uint64 // sequence number of buf[0]
	iss            uint64
	una, nxt, top  uint64 // oldest not acknowledged, next to send, highest sent
	edge           uint64 // the peer has room up to here
	finQueued      bool
	credit         int64 // bytes that were acknowledged and not yet reported
	wanted         bool  // a writer waits for credit
	cwnd, ssthresh int64
	recovering     bool
	recover        uint64 // losses before this are one event
	growth         int64  // bytes acknowledged towards the next packet of cwnd

	// Receiving.
	rcvNxt           uint64
	promised         uint64 // the window's right edge as last sent
	posted, consumed int64  // bytes handed to the process, and read by it
	ooo              []*segment
	peerFin          bool
	mustAck          bool

	// Time.
	srtt, rttvar time.Duration
	timedSeq     uint64 // being timed for a round trip; zero if none
	timedAt      event.Time
	lastSent     event.Time
	heard        event.Time
	retries      int // timeouts without progress
	probes       int // unanswered
	timer        *event.Timer
	deadline     event.Time // of timer, which may be due earlier
	onTimer      func()
	idle         *event.Timer // keepalive, or the wait for the peer's close
	onIdle       func()
}

func (h *Host) newStream(to *Host, local, remote endpoint) *stream {
	now := h.net.loop.Now()
	s := &stream{
		host: h, pair: h.pair(to), from: local, to: remote,
		iss: uint64(h.rng.Uint32()) + 1, cwnd: initialWindow, ssthresh: maxWindow, heard: now,
	}
	s.una, s.nxt, s.top = s.iss, s.iss, s.iss
	s.onTimer, s.onIdle = s.timeout, s.idleTimeout
	h.streams[makeFlow(local.port(), remote)] = s
	return s
}

// dial opens a stream for a process.
func (h *Host) dial(o *owner, id uint64, to endpoint) {
	fail := func(err syscall.Errno) {
		o.guest.Post(channel.Frame{Class: channel.ClassNet, Op: channel.NetReset, ID: id, Err: err})
	}
	peer := h.net.host(h, to.ip())
	if peer == nil {
		fail(syscall.EHOSTUNREACH)
		return
	}
	port := h.freePort(func(p uint16) bool {
		return h.streams[makeFlow(p, to)] != nil || h.listeners[p] != nil
	})
	if port == 0 {
		fail(syscall.EADDRNOTAVAIL)
		return
	}
	from := makeEndpoint(h.ip, port)
	if peer == h && to.ip()>>24 == 127 {
		from = makeEndpoint(to.ip(), port)
	}
	s := h.newStream(peer, from, to)
	s.owner, s.id, s.active = o, id, true
	o.streams[id] = s
	s.sendSYN()
}

// handle takes a frame about the stream from its process.
func (s *stream) handle(f channel.Frame) {
	switch f.Op {
	case channel.NetData:
		if s.state != stateOpen || s.finQueued {
			return
		}
		s.buffer(f.Data)
		s.output()
	case channel.NetConsumed:
		s.consume(f.A)
	case channel.NetWant:
		s.wanted = true
		s.report()
	case channel.NetCloseWrite:
		s.finish()
	case channel.NetClose:
		s.close(f.A)
	case channel.NetAbort:
		s.abort()
	}
}

// finish queues the end of what is sent.
func (s *stream) finish() {
	if s.state != stateOpen || s.finQueued {
		return
	}
	s.finQueued = true
	s.output()
}

// close lets go of the stream after the process has read consumed bytes of it.
func (s *stream) close(consumed int64) {
	if s.state != stateOpen || s.posted > consumed {
		s.abort()
		return
	}
	s.disown()
	s.consumed = consumed
	s.finish()
	s.settle()
}

// abort ends the stream at both ends.
func (s *stream) abort() {
	if s.state == stateOpen || s.state == stateSynReceived {
		s.sendReset()
	}
	s.remove()
}

// fail ends the stream at this end and tells the process why.
func (s *stream) fail(err syscall.Errno) {
	if s.owner != nil && s.id != 0 {
		s.post(channel.NetReset, 0, err)
	}
	s.remove()
}

func (s *stream) disown() {
	if s.owner != nil {
		delete(s.owner.streams, s.id)
		s.owner = nil
	}
	s.unqueue()
}

// unqueue takes the stream out of its listener's queue.
func (s *stream) unqueue() {
	if s.listener != nil {
		s.listener.drop(s)
		s.listener = nil
	}
}

// remove forgets the stream without a word to anybody.
func (s *stream) remove() {
	if s.state == stateClosed {
		return
	}
	s.disown()
	s.stopTimers()
	s.state = stateClosed
	s.mustAck = false
	for _, g := range s.ooo {
		s.host.net.free(g)
	}
	s.ooo, s.buf = nil, nil
	delete(s.host.streams, makeFlow(s.from.port(), s.to))
}

// settle removes a stream that is done, and limits how long a closed one waits for its peer.
func (s *stream) settle() {
	if s.state != stateOpen || !s.finAcked() {
		return
	}
	if s.peerFin {
		if s.mustAck {
			s.sendAck()
		}
		s.remove()
		return
	}
	if s.owner == nil {
		s.startIdle(finTimeout)
	}
}

func (s *stream) post(op uint8, a int64, err syscall.Errno) {
	s.owner.guest.Post(channel.Frame{Class: channel.ClassNet, Op: op, ID: s.id, A: a, Err: err})
}
