package net

import (
	"slices"
	"syscall"

	"picloud/sim/channel"
)

// listener is a port that accepts streams. The stack completes handshakes whether or not the
// process runs; the streams wait until it takes them.
type listener struct {
	host  *Host
	owner *owner
	id    uint64
	port  uint16
	queue []*stream // in handshake, or open and not taken
}

func (h *Host) listen(o *owner, id uint64, port uint16) (uint16, syscall.Errno) {
	port, errno := h.localPort(port, func(p uint16) bool { return h.listeners[p] != nil })
	if errno != 0 {
		return 0, errno
	}
	l := &listener{host: h, owner: o, id: id, port: port}
	h.listeners[port] = l
	o.listeners[id] = l
	return port, 0
}

func (l *listener) handle(f channel.Frame) {
	if f.Op == channel.NetUnlisten {
		l.close()
		return
	}
	if s := l.owner.streams[uint64(f.A)]; s != nil && s.listener == l {
		s.unqueue()
	}
}

// receive starts a handshake. A full queue drops the request, as Linux does: the peer tries again.
func (l *listener) receive(g *segment) {
	if len(l.queue) >= l.host.net.config.Backlog {
		return
	}
	if full := l.host.noFiles; full != nil { // a real one waits in the queue, and nobody takes it from there
		full.felt++
		return
	}
	s := l.host.newStream(g.pair.from, g.to, g.from)
	s.state = stateSynReceived
	s.rcvNxt = g.seq + 1
	s.listener = l
	l.queue = append(l.queue, s)
	s.sendSYN()
}

// accept gives an open stream to the process.
func (l *listener) accept(s *stream) {
	l.owner.lastID += 2
	s.owner, s.id = l.owner, l.owner.lastID
	l.owner.streams[s.id] = s
	l.owner.guest.Post(channel.Frame{
		Class: channel.ClassNet, Op: channel.NetAccepted, ID: s.id, A: int64(s.to), B: int64(l.id),
	})
}

func (l *listener) drop(s *stream) {
	if i := slices.Index(l.queue, s); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

func (l *listener) close() {
	delete(l.host.listeners, l.port)
	delete(l.owner.listeners, l.id)
	queue := l.queue
	l.queue = nil
	for _, s := range queue {
		s.listener = nil
		if s.state == stateSynReceived {
			s.remove()
		} else {
			s.abort()
		}
	}
}
