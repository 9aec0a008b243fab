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
	places  []*list.Element // in each line, while it may be given more; those to whom nothing was given yet come first
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
		p.places = append(p.places, q.waiting.PushBack(p))
	}
	for _, q := range p.lines {
		if p.places != nil {
			s.give(p, q, p.most)
		}
	}
}

// move changes a poll's place in all of its lines.
func (p *poll) move(to func(*list.List, *list.Element)) {
	for i, e := range p.places {
		to(&p.lines[i].waiting, e)
	}
}

// leave takes a poll out of all lines.
func (p *poll) leave() {
	for i, e := range p.places {
		p.lines[i].waiting.Remove(e)
	}
	p.places = nil
}

// expect notes that a job is being reserved for a poll.
func (p *poll) expect() {
	p.pending++
	if p.pending == p.most {
		p.leave()
	} else {
		p.move((*list.List).MoveToBack)
	}
}

// bookFor is how long a poll waits for a job that is being reserved for it. A group without a leader takes longer, and must not
// keep others' jobs from workers.
const bookFor = time.Second

// booking is a job that is being reserved for a poll.
type booking struct {
	poll  *poll
	alarm *time.Timer
	over  bool // the poll does not wait for it any more
}

// book notes that a job is being reserved for a poll, which waits for it for a while.
func (s *Server) book(p *poll) *booking {
	p.expect()
	b := &booking{poll: p}
	b.alarm = time.AfterFunc(bookFor, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !b.over {
			b.over = true
			s.settle(p)
		}
	})
	return b
}

// booked takes note that a job of a queue is reserved, or cannot be if there is none. One that comes late is for whoever waits next, or
// is given back.
func (s *Server) booked(b *booking, q *line, d *Delivery) {
	p := b.poll
	switch {
	case !b.over:
		b.over = true
		b.alarm.Stop()
	case d == nil:
		return
	case q.waiting.Len() == 0:
		s.writer(d.Partition).all.Go(func() { s.giveBack([]*Delivery{d}) })
		return
	default:
		p = q.waiting.Front().Value.(*poll)
		p.expect()
	}
	if d != nil {
		p.got = append(p.got, d)
	}
	s.settle(p)
}

// give has jobs of a queue reserved for a poll, at most so many.
func (s *Server) give(p *poll, q *line, most int) {
	for n := 0; n < most && p.places != nil; n++ {
		e := q.next()
		if e == nil {
			return
		}
		s.reserve(p, e)
	}
}

// dispatch gives what is ready in a queue to those who wait for it, the first come first. Each gets its share.
func (s *Server) dispatch(q *line) {
	for q.waiting.Len() > 0 {
		p, n := q.waiting.Front().Value.(*poll), q.waiting.Len()
		ready := q.count(p.most * n)
		if ready == 0 {
			return
		}
		s.give(p, q, max(1, ready/n))
	}
}

// reserve begins a reservation.
func (s *Server) reserve(p *poll, e *entry) {
	x := e.lane.index
	at := place{x.partition, x.queue.Name, e.id}
	hold := p.holdOf(x.queue)
	waited := time.Since(e.since)
	b := s.book(p)
	s.writer(x.partition).submit(reserve(at, *e.record, e.modified, hold, s.id), func(o outcome, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !o.happened {
			x.resolved(e, 0)
			s.booked(b, x.queue, nil)
			return
		}
		x.resolved(e, o.revision)
		s.metrics.waited.WithLabelValues(x.queue.Name).Observe(waited.Seconds())
		s.booked(b, x.queue, s.delivery(x.queue, at, e.record, o.revision, hold))
	})
}

func (p *poll) holdOf(q *line) time.Duration {
	if p.hold == 0 {
		return q.Hold
	}
	return p.hold
}

// settle takes note that one of a poll's jobs is reserved, or cannot be.
func (s *Server) settle(p *poll) {
	p.pending--
	if len(p.got) > 0 || p.ended {
		p.leave()
		if p.pending == 0 {
			p.ended = true
			close(p.done)
		}
		return
	}
	if p.places == nil { // it waits again, before those who came later
		for _, q := range p.lines {
			p.places = append(p.places, q.waiting.PushFront(p))
		}
	} else {
		p.move((*list.List).MoveToFront)
	}
	for _, q := range p.lines {
		s.dispatch(q)
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

// handOver returns the move that enqueues a job which somebody waits for: it is reserved for them in the same transaction. Then
// is to be called with what came of it. It returns nil if nobody waits.
func (s *Server) handOver(at place, r *record) (m *move, then func(outcome, error)) {
	q := s.line(at.queue)
	x := q.indexes[at.partition]
	if x == nil || x.paused || q.waiting.Len() == 0 || isUnique(at.id) {
		return nil, nil
	}
	p := q.waiting.Front().Value.(*poll)
	hold := p.holdOf(q)
	b := s.book(p)
	return reserve(at, *r, 0, hold, s.id), func(o outcome, _ error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !o.happened {
			s.booked(b, q, nil)
			return
		}
		x.behind[at.id] = o.revision
		s.metrics.waited.WithLabelValues(q.Name).Observe(0)
		s.booked(b, q, s.delivery(q, at, r, o.revision, hold))
	}
}
