package net

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"picloud/sim/event"
)

// waiting is a segment that waits in narrow queues. It goes on once all of them have let it go.
type waiting struct {
	queues int
	transit
	rest time.Duration // of its way, from then on
}

// wait keeps a segment that has joined a narrow queue. One that is lost behind it is not kept: its place in the queue stays.
func (p *pair) wait(t *transit, rest time.Duration) {
	p.net.note(t, "waits", 0)
	w := t.waits
	w.transit, w.rest = *t, rest
	w.waits, w.copies = nil, slices.Clone(t.copies)
}

// letGo says that one queue holds the segment no longer.
func (w *waiting) letGo() {
	if w.queues--; w.queues > 0 || w.seg == nil {
		return
	}
	p := w.pair
	if p.version != p.net.version {
		p.refresh()
	}
	w.now = p.net.loop.Now()
	w.held = p.clog(w.seg)
	p.schedule(&w.transit, w.now.Add(w.rest))
}

// narrow is a queue that empties at the rate of a Bandwidth: what waits in it, in the order in which it was sent.
type narrow struct {
	busy    event.Time // when the last byte that was queued so far is out
	waiting []*waiting
}

// join lets a segment wait until the queue has sent it.
func (q *narrow) join(t *transit) {
	if t.waits == nil {
		t.waits = &waiting{}
	}
	t.waits.queues++
	q.waiting = append(q.waiting, t.waits)
	t.pair.net.loop.At(q.busy, q.leave)
}

// leave lets the first go, if the queue was not emptied before its time.
func (q *narrow) leave() {
	if len(q.waiting) == 0 {
		return
	}
	first := q.waiting[0]
	q.waiting = q.waiting[1:]
	first.letGo()
}

// empty lets all go at once, as a queue does whose wire is fast again.
func (q *narrow) empty() {
	for len(q.waiting) > 0 {
		q.leave()
	}
}

// Bandwidth sends all traffic that it touches through one narrow queue, which empties at once when it is healed. Felt counts
// the packets that had to wait or found no room.
type Bandwidth struct {
	Where
	BytesPerSecond int64
	BufferBytes    int64
}

func (f Bandwidth) rule(n *Network) (rule, error) {
	if f.BytesPerSecond < 1 || f.BufferBytes < wirePacket {
		return rule{}, fmt.Errorf(
			"bandwidth of %d bytes/s with a buffer of %d bytes, need at least 1 and %d",
			f.BytesPerSecond, f.BufferBytes, wirePacket)
	}
	queue := &narrow{}
	r, err := touching(n, f.Where, func(a *Applied, _ *rand.Rand, t *transit) {
		start := max(t.now, queue.busy)
		if wait := start.Sub(t.now); wait > 0 {
			room := max(f.BufferBytes-bytesIn(wait, f.BytesPerSecond), 0)
			lost := int64(t.keep(int(room / wirePacket)))
			a.felt += lost
			a.net.stats.QueueDrops += lost
			if t.dropped {
				return
			}
			a.felt += int64(t.packets)
		}
		queue.busy = start.Add(timeFor(t.wireBytes(), f.BytesPerSecond))
		queue.join(t)
	})
	r.heal = func(*Applied) { queue.empty() }
	return r, err
}
