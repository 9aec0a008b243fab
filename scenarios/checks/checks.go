// Package checks judges a run by what it left: the history of its clients, the faults that were
// played and the processes that ended. It runs in a plain process, the same for simulated and
// live runs, and gives the same answer on every machine.
//
// Invariants: a check fails only on proof that a promise was broken. It passes only when it saw
// as much as it was told to at least; otherwise it is inconclusive, also when its budget, which
// counts steps and not time, ran out.
package checks

import (
	"fmt"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// atLeast makes a check inconclusive that saw less than its minimum.
func atLeast(c *reports.Check, minimum int, what string) {
	if c.Status == reports.Pass && c.Count < minimum {
		c.Status = reports.Inconclusive
		c.Detail = fmt.Sprintf("saw %d %s, the minimum is %d", c.Count, what, minimum)
	}
}

// Durable judges whether acknowledged changes are there after all faults were healed: what a
// read that starts at `healed` or later finds under a key must not be older than the last change
// that was acknowledged before it. It counts the acknowledged changes of the keys that were
// read; keys with changes that nobody read at the end make it inconclusive.
func Durable(h history.History, healed time.Duration, minimum int) reports.Check {
	c := reports.Check{Name: "durable", Status: reports.Pass}
	var unread []string
	lost := 0
	var harm wronged
	keys := h.PerKey()
	for _, k := range keys {
		changes, reads := 0, 0
		for i := range k.Operations {
			o := &k.Operations[i]
			if _, yes := o.Changes(); yes {
				changes++
			}
			if o.Kind != history.Read || o.Outcome != history.OK || o.Call < healed {
				continue
			}
			reads++
			if last, why := lostBefore(k.Operations, o); why != "" {
				harm.by(o)
				harm.promised(last.Return)
				if lost++; lost == 1 {
					c.Status, c.Detail = reports.Fail, "on "+k.Key+" "+why
				}
			}
		}
		if reads > 0 {
			c.Count += changes
		} else if changes > 0 {
			unread = append(unread, k.Key)
		}
	}
	if lost > 0 {
		c.Detail = fmt.Sprintf("%d reads miss an acknowledged change; %s", lost, c.Detail)
		harm.into(&c)
		return c
	}
	c.Detail = fmt.Sprintf("%d acknowledged changes on %d keys", c.Count, len(keys)-len(unread))
	if len(unread) > 0 {
		c.Status = reports.Inconclusive
		c.Detail = fmt.Sprintf("%d of %d keys were not read at the end, %s is one", len(unread),
			len(keys), unread[0])
		return c
	}
	atLeast(&c, minimum, "acknowledged changes")
	return c
}

// lostBefore returns the acknowledged change that a read misses, of those before it the one with the latest call, and says why; nothing if
// it misses none. What the read found may be any change that no acknowledged one is certainly later than.
func lostBefore(ops history.History, read *history.Operation) (last *history.Operation, why string) {
	for i := range ops {
		o := &ops[i]
		if _, yes := o.Changes(); yes && o.Return < read.Call && (last == nil ||
			o.Call > last.Call) {
			last = o
		}
	}
	if last == nil {
		return nil, ""
	}
	for i := range ops {
		o := &ops[i]
		if o.Outcome == history.Failed || o.Kind == history.Read || o.Call > read.Return {
			continue
		}
		put, yes := o.Changes()
		late := o.Outcome == history.Unknown
		if late {
			put = o.Value
		}
		if (yes && o.Return >= last.Call || late) && put == read.Result {
			return nil, ""
		}
	}
	return last, last.String() + " and it was acknowledged, yet " + read.String()
}

// Liveness is what is asked of the last part of a run, in which everything is healed.
type Liveness struct {
	From, To time.Duration // the part in which operations are judged
	Within   time.Duration // how long an operation may take
	SharePPM int64         // how many of them must succeed in that time, in parts per million
	Minimum  int
}

// Live judges whether operations succeed in time once everything is healed. Operations that
// were called before count only if they are still not done when one that started at From would
// have to be; those too late to be judged before To do not count, nor do those of attackers, and mails.
func Live(h history.History, l Liveness) reports.Check {
	c := reports.Check{Name: "live", Status: reports.Pass}
	good := 0
	var slowest time.Duration
	var bad *history.Operation
	var harm wronged
	for i := range h {
		o := &h[i]
		due := max(o.Call, l.From) + l.Within
		if due > l.To || o.Call < l.From && o.Return <= due || !o.Wanted() {
			continue
		}
		c.Count++
		if o.Outcome == history.OK && o.Return <= due {
			good++
			slowest = max(slowest, o.Latency())
			continue
		}
		harm.by(o)
		if bad == nil {
			bad = o
		}
	}
	c.Detail = fmt.Sprintf("%d of %d operations succeeded within %s, the slowest took %s",
		good, c.Count, history.Seconds(l.Within), history.Seconds(slowest))
	if int64(good)*1_000_000 < l.SharePPM*int64(c.Count) {
		c.Status = reports.Fail
		c.Detail = fmt.Sprintf("%d of %d operations succeeded within %s, %d ppm are wanted; on "+
			"%s %s",
			good, c.Count, history.Seconds(l.Within), l.SharePPM, bad.Key, bad)
		harm.into(&c)
		return c
	}
	atLeast(&c, l.Minimum, "operations after everything was healed")
	return c
}
