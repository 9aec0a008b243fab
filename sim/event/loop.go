// Package event is the clock of the simulated world: one queue of things to do, ordered by
// virtual time and, at equal times, by the order in which they were asked for.
//
// Invariants: time never goes back; one thing happens at a time; nothing depends on real time,
// on the order of a map or on another goroutine. Random numbers come from streams that are
// named: two names never share a stream, so a draw in one place changes nothing in another.
package event

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

// Time is virtual time in nanoseconds since the run began.
type Time int64

// Add returns t moved by d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// String prints seconds with nine digits, so that times line up in a trace.
func (t Time) String() string { return fmt.Sprintf("%d.%09d", int64(t)/1e9, int64(t)%1e9) }

// Timer is a thing to do at a time. The zero Timer is not usable.
type Timer struct {
	at    Time
	seq   uint64
	index int // place in the heap, -1 when it is not waiting
	do    func()
}

// Stop takes the timer out of the queue and tells whether it was still waiting. It takes a loop
// because a timer does not know its own. Stopping a nil timer does nothing.
func (l *Loop) Stop(t *Timer) bool {
	if t == nil || t.index < 0 {
		return false
	}
	l.remove(t.index)
	return true
}

// When returns the time at which the timer is due.
func (t *Timer) When() Time { return t.at }

// Loop is the queue. It belongs to one goroutine.
type Loop struct {
	seed  uint64
	now   Time
	seq   uint64
	queue []*Timer
}

// NewLoop returns an empty loop at time zero whose random streams derive from seed.
func NewLoop(seed uint64) *Loop { return &Loop{seed: seed} }

// Now returns the virtual time.
func (l *Loop) Now() Time { return l.now }

// Seed returns the seed of the run.
func (l *Loop) Seed() uint64 { return l.seed }

// At asks for do to be called at time t, or now if t has passed.
func (l *Loop) At(t Time, do func()) *Timer {
	if t < l.now {
		t = l.now
	}
	l.seq++
	timer := &Timer{at: t, seq: l.seq, do: do}
	l.push(timer)
	return timer
}

// After asks for do to be called once d has passed.
func (l *Loop) After(d time.Duration, do func()) *Timer { return l.At(l.now.Add(d), do) }

// Next returns the time of the next thing to do, and whether there is one.
func (l *Loop) Next() (Time, bool) {
	if len(l.queue) == 0 {
		return 0, false
	}
	return l.queue[0].at, true
}

// Step does the next thing and tells whether there was one.
func (l *Loop) Step() bool {
	if len(l.queue) == 0 {
		return false
	}
	timer := l.queue[0]
	l.remove(0)
	l.now = timer.at
	timer.do()
	return true
}

// RunUntil does everything that is due up to and including end, and leaves the clock at end.
func (l *Loop) RunUntil(end Time) {
	for len(l.queue) > 0 && l.queue[0].at <= end {
		l.Step()
	}
	if l.now < end {
		l.now = end
	}
}

// Stream returns a new random stream that depends on the seed of the run and on name alone.
func (l *Loop) Stream(name string) *rand.Rand { return Stream(l.seed, name) }

// Stream returns the random stream of that name for a seed.
func Stream(seed uint64, name string) *rand.Rand {
	h := sha256.New()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	h.Write([]byte(name))
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])))
}
