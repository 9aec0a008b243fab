package queue

import (
	"container/list"
	"time"
)

// line is a queue on a server: what is ready in the partitions that the server looks after, and who waits for it. The
// server's lock guards it.
type line struct {
	*Queue
	server  *Server
	indexes map[string]*index // by partition
	rings   [MaxPriority + 1]ring
	waiting list.List // of *poll, the first come first
}

// ring is the tenants of a priority that have something ready, in the order of their turns.
type ring struct {
	turns   []*tenant
	tenants map[string]*tenant
}

// tenant has its lanes, one of each partition, in the order of their turns.
type tenant struct {
	name  string
	lanes []*lane
}

// list gives a lane its turns, if it has something ready and none yet.
func (q *line) list(l *lane) {
	if l.listed || len(l.ready) == 0 || l.index.paused || l.index.dropped {
		return
	}
	r := &q.rings[l.priority]
	t := r.tenants[l.tenant]
	if t == nil {
		t = &tenant{name: l.tenant}
		if r.tenants == nil {
			r.tenants = map[string]*tenant{}
		}
		r.tenants[l.tenant] = t
		r.turns = append(r.turns, t)
	}
	t.lanes = append(t.lanes, l)
	l.listed = true
}

// next takes the next job of a queue: of the first priority that has any, of the tenant whose turn it is. It returns nil if
// there is none.
func (q *line) next() *entry {
	for i := range q.rings {
		if e := q.rings[i].next(); e != nil {
			return e
		}
	}
	return nil
}

func (r *ring) next() *entry {
	for len(r.turns) > 0 {
		t := r.turns[0]
		e := t.next()
		r.turns = r.turns[1:]
		if len(t.lanes) > 0 {
			r.turns = append(r.turns, t)
		} else {
			delete(r.tenants, t.name)
		}
		if e != nil {
			return e
		}
	}
	return nil
}

func (t *tenant) next() *entry {
	for len(t.lanes) > 0 {
		l := t.lanes[0]
		t.lanes = t.lanes[1:]
		if len(l.ready) == 0 || l.index.paused || l.index.dropped {
			l.listed = false
			continue
		}
		e := l.take()
		if len(l.ready) > 0 {
			t.lanes = append(t.lanes, l)
		} else {
			l.listed = false
		}
		return e
	}
	return nil
}

// count returns how many jobs are ready, at most so many.
func (q *line) count(most int) int {
	n := 0
	for i := range q.rings {
		for _, t := range q.rings[i].turns {
			for _, l := range t.lanes {
				if !l.index.paused && !l.index.dropped {
					n += len(l.ready)
				}
				if n >= most {
					return most
				}
			}
		}
	}
	return n
}

// poll is a request for jobs that waits for some.
type poll struct {
	lines   []*line
	waits   []*list.Element // in each line, while it waits
	most    int
	hold    time.Duration // zero for what each queue says
	pending int           // jobs that are being reserved for it
	got     []*Delivery
	ended   bool          // it wants nothing more
	done    chan struct{} // closed when it has all that it gets
}

// offer gives a poll what is ready, or lets it wait.
func (s *Server) offer(p *poll) {
	for _, q := range p.lines {
		s.give(p, q, p.most)
	}
	if p.pending == 0 {
		p.wait((*list.List).PushBack)
	}
}

func (p *poll) wait(add func(*list.List, any) *list.Element) {
	for _, q := range p.lines {
		p.waits = append(p.waits, add(&q.waiting, p))
	}
}

// leave takes a poll out of all lines.
func (p *poll) leave() {
	for i, w := range p.waits {
		p.lines[i].waiting.Remove(w)
	}
	p.waits = nil
}

// give has jobs of a queue reserved for a poll, until it has so many.
func (s *Server) give(p *poll, q *line, most int) {
	for p.pending+len(p.got) < most {
		e := q.next()
		if e == nil {
			return
		}
		p.pending++
		s.reserve(p, e)
	}
}

// dispatch gives what is ready in a queue to those who wait for it, the first come first. Each gets its share.
func (s *Server) dispatch(q *line) {
	for q.waiting.Len() > 0 {
		p := q.waiting.Front().Value.(*poll)
		share := q.count(p.most*q.waiting.Len()) / q.waiting.Len()
		s.give(p, q, min(p.most, max(1, share)))
		if p.pending == 0 {
			return // there is nothing
		}
		p.leave()
	}
}

// reserve begins a reservation.
func (s *Server) reserve(p *poll, e *entry) {
	x := e.lane.index
	at := place{x.partition, x.queue.Name, e.id}
	hold := p.hold
	if hold == 0 {
		hold = x.queue.Hold
	}
	waited := time.Since(e.since)
	s.writer(x.partition).submit(reserve(at, *e.record, e.modified, hold, s.id), func(o outcome, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if o.happened {
			x.resolved(e, o.revision)
			s.metrics.waited.WithLabelValues(x.queue.Name).Observe(waited.Seconds())
			p.got = append(p.got, s.delivery(x.queue, at, e.record, o.revision, hold))
		} else {
			x.resolved(e, 0)
		}
		s.settle(p)
	})
}

// settle takes note that one of a poll's jobs is reserved, or cannot be.
func (s *Server) settle(p *poll) {
	p.pending--
	switch {
	case p.pending > 0:
	case len(p.got) > 0 || p.ended:
		p.ended = true
		close(p.done)
	default: // again, before those who came later
		p.wait((*list.List).PushFront)
		for _, q := range p.lines {
			s.dispatch(q)
		}
	}
}

// end lets a poll want nothing more. What is being reserved for it comes still.
func (s *Server) end(p *poll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	p.leave()
	if p.pending == 0 {
		close(p.done)
	}
}
