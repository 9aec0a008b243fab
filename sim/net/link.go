package net

import (
	"math/rand/v2"
	"time"

	"picloud/sim/event"
)

const million = 1_000_000

// link is one direction of a wire: a queue that empties at the link's rate, then latency.
type link struct {
	rate    int64 // bytes per second
	buffer  int64 // bytes
	latency Latency
	rng     *rand.Rand
	busy    event.Time // when the last byte that was queued so far is out
	other   *link      // the other direction, if they take turns
	pool    *pool      // the buffer of its switch, if that is shared
}

func newLinks(loop *event.Loop, name string, cfg Link) (up, down *link) {
	make := func(dir string) *link {
		return &link{
			rate: cfg.BytesPerSecond, buffer: cfg.BufferBytes, latency: cfg.Latency,
			rng: loop.Stream("net/link/" + name + "/" + dir),
		}
	}
	return make("up"), make("down")
}

// span is when the first and the last packet of a unit are somewhere. A unit of one packet has
// both equal.
type span struct{ first, last event.Time }

// carry takes a unit over the link: the packets follow one another, so a long unit is not stored
// whole at each hop. It cuts the unit to the packets that found room in the queue; none may.
// Late is what to add on arrival: it is kept out of the spans because a late packet of one sender
// must not occupy the queues that it shares with others.
func (l *link) carry(t *transit, at span) (out span, late time.Duration) {
	start := max(at.first, l.busy)
	if l.other != nil {
		start = max(start, l.other.busy)
	}
	if wait := start.Sub(at.first); wait > 0 {
		lost := t.keep(l.room(t, at, wait))
		t.pair.net.stats.QueueDrops += int64(lost)
		if l.pool != nil {
			l.pool.fault.felt += int64(lost)
		}
		if t.dropped {
			return at, 0
		}
	}
	queued := max(l.busy, t.now)
	if l.other != nil {
		queued = max(queued, l.other.busy)
	}
	whole := timeFor(t.wireBytes(), l.rate)
	one := whole / time.Duration(t.packets)
	last := max(start.Add(whole), at.last.Add(one))
	l.busy = queued.Add(whole) // a sender that is slow takes until last, and leaves gaps for others
	base := l.latency.Base
	return span{start.Add(one + base), last.Add(base)}, l.latency.extra(l.rng)
}

// room returns how many of the unit's packets find room behind what waits.
func (l *link) room(t *transit, at span, wait time.Duration) int {
	if l.pool != nil {
		return l.pool.room(t, at, l)
	}
	return int(max(l.buffer-bytesIn(wait, l.rate), 0) / wirePacket)
}

// extra draws what comes on top of the base.
func (l *Latency) extra(rng *rand.Rand) time.Duration {
	if l.Jitter == 0 && l.TailPPM == 0 {
		return 0
	}
	u := rng.Uint64()
	d := l.Jitter * time.Duration(u&0xffff) >> 16
	if int(u>>16&0xffffffff)%million < l.TailPPM {
		// Every octave below the longest tail is equally likely.
		top := l.TailMax >> (u >> 48 & 7)
		d += top/2 + (top/2)*time.Duration(u>>51&0xfff)>>12
	}
	return d
}

// timeFor returns how long bytes take at rate bytes per second.
func timeFor(bytes, rate int64) time.Duration {
	return time.Duration(bytes * int64(time.Second) / rate)
}

// bytesIn returns how many bytes pass in d at rate bytes per second.
func bytesIn(d time.Duration, rate int64) int64 {
	// Whole seconds by themselves: the product of nanoseconds would overflow.
	return int64(d/time.Second)*rate + int64(d%time.Second)*rate/int64(time.Second)
}
