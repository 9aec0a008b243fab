package kernel

import (
	"math/bits"
	"time"

	"picloud/sim/event"
)

// Epoch is the wall-clock time at which a run begins: 1 January 2026, 00:00 UTC, ns since 1970.
const Epoch = 1767225600 * int64(time.Second)

// uptimeAtStart is what a machine's monotonic clock shows when its power comes on. It is not
// zero, because programs take a zero time for "never".
const uptimeAtStart = 10 * int64(time.Second)

// Clock is what a machine takes for time. Its monotonic time, and with it every timer, runs at a
// rate of its own from an anchor; its wall time stands at an offset from the monotonic time.
type Clock struct {
	anchor     event.Time // a moment of virtual time
	mono       int64      // the monotonic time then, ns
	ratePPM    int64      // how much faster than virtual time it runs, parts per million
	wallOffset int64      // wall time less monotonic time, ns
}

func newClock(now event.Time) *Clock {
	return &Clock{anchor: now, mono: uptimeAtStart, wallOffset: Epoch + int64(now) - uptimeAtStart}
}

// Mono returns the monotonic time at t, ns.
func (c *Clock) Mono(t event.Time) int64 {
	d := int64(t - c.anchor)
	return c.mono + d + mulDiv(d, c.ratePPM, 1e6)
}

// When returns the first virtual time at which the monotonic clock shows mono.
func (c *Clock) When(mono int64) event.Time {
	d := mono - c.mono
	if d <= 0 {
		return c.anchor
	}
	t := c.anchor + event.Time(mulDiv(d, 1e6, 1e6+c.ratePPM))
	for c.Mono(t) < mono {
		t++
	}
	for c.Mono(t-1) >= mono && t > c.anchor {
		t--
	}
	return t
}

// Wall returns the wall-clock time at t, ns since 1970.
func (c *Clock) Wall(t event.Time) int64 { return c.Mono(t) + c.wallOffset }

// SetDrift makes the clock run faster than virtual time by ppm from now on, slower if negative; it
// never stands still.
func (c *Clock) SetDrift(now event.Time, ppm int64) {
	c.mono, c.anchor = c.Mono(now), now
	c.ratePPM = max(ppm, -999_999)
}

// Step moves the wall clock by d and leaves the monotonic clock alone.
func (c *Clock) Step(d time.Duration) { c.wallOffset += int64(d) }

// restart is what a machine's clock does when power comes back: monotonic time begins anew and
// wall time goes on (a Pi without a clock chip gets it from the network).
func (c *Clock) restart(now event.Time) {
	wall := c.Wall(now)
	c.mono, c.anchor = uptimeAtStart, now
	c.wallOffset = wall - uptimeAtStart
}

// mulDiv returns a*b/c without overflow between, rounded to zero; c is positive.
func mulDiv(a, b, c int64) int64 {
	neg := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	if neg {
		return -int64(q)
	}
	return int64(q)
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return uint64(-x)
	}
	return uint64(x)
}
