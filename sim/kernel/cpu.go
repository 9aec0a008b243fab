package kernel

import (
	"time"

	"picloud/sim/event"
)

// Cost is the fitted price of the work that a process does in one turn, on a core at full speed.
// A process counts how often it picked a goroutine and how much it allocated; the kernel counts
// the bytes of mail. The prices are fitted by BenchmarkCost, which prints the error of the fit.
type Cost struct {
	SliceNs   int64 // one run of a goroutine
	AllocNsKB int64 // allocating 1 KiB
	MailNsKB  int64 // moving 1 KiB of mail
}

// defaultCost is what BenchmarkCost gave on an AMD EPYC core (2200, 215 and 43 ns, with an error of
// 20 % rms), times three for a core of a Raspberry Pi 4B.
var defaultCost = Cost{SliceNs: 6600, AllocNsKB: 650, MailNsKB: 130}

// CPU is the cores of a machine: a queue with several servers.
type CPU struct {
	free     []event.Time // when each core is next free
	speedPPM int64        // clock relative to full speed, parts per million
	busyNs   int64        // core time used since the machine was made, for the power model
}

func newCPU(cores int) *CPU { return &CPU{free: make([]event.Time, cores), speedPPM: 1e6} }

// anyCore is the wish of a process that has none.
const anyCore = -1

// next returns the earliest time from now on at which the wanted core is free, or any.
func (c *CPU) next(now event.Time, wanted int) event.Time { return max(now, c.free[c.pick(wanted)]) }

// pick returns the wanted core, or the one that is free first if there is no such core.
func (c *CPU) pick(wanted int) int {
	if wanted >= 0 && wanted < len(c.free) {
		return wanted
	}
	return c.first()
}

func (c *CPU) first() int {
	best := 0
	for i, t := range c.free {
		if t < c.free[best] {
			best = i
		}
	}
	return best
}

// use keeps a core busy from start with work of that cost at full speed, and returns when it is done.
func (c *CPU) use(i int, start event.Time, costNs int64) event.Time {
	real := mulDiv(costNs, 1e6, c.speedPPM)
	c.busyNs += real
	c.free[i] = max(start, c.free[i]) + event.Time(real)
	return c.free[i]
}

// Theft is when the work of somebody else is on each core.
type Theft []struct{ from, until event.Time }

// Steal keeps all cores busy with the work of somebody else for so long, behind what is on them already.
func (c *CPU) Steal(now event.Time, d time.Duration) Theft {
	theft := make(Theft, len(c.free))
	for i, t := range c.free {
		theft[i].from = max(t, now)
		theft[i].until = theft[i].from.Add(d)
		c.free[i] = theft[i].until
	}
	return theft
}

// giveBack ends a theft: each core has what is left of it, unless something else has come behind it.
func (c *CPU) giveBack(now event.Time, theft Theft) {
	for i := range min(len(c.free), len(theft)) {
		if c.free[i] == theft[i].until {
			c.free[i] = min(c.free[i], max(theft[i].from, now))
		}
	}
}

// SetSpeed sets the clock of all cores relative to full speed, in parts per million: a throttled
// or under-volted machine is slow.
func (c *CPU) SetSpeed(ppm int64) { c.speedPPM = max(ppm, 1) }

// SetCores changes how many cores there are: the last ones go, with the work of at most a quantum that was on them. The others keep
// their numbers, as one of them may be faulty.
func (c *CPU) SetCores(now event.Time, n int) {
	for len(c.free) < n {
		c.free = append(c.free, now)
	}
	c.free = c.free[:max(n, 1)]
}

// BusyNs returns the core time used so far, ns: what the power model heats with.
func (c *CPU) BusyNs() int64 { return c.busyNs }

// reset frees the cores of a machine whose power was cut.
func (c *CPU) reset(now event.Time) {
	for i := range c.free {
		c.free[i] = now
	}
}
