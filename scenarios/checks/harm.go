package checks

import (
	"slices"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// wronged collects who was done wrong, while a check looks for what was.
type wronged struct {
	harm    reports.Harm
	clients []int
}

// by notes an operation that came to what it must not come to.
func (w *wronged) by(o *history.Operation) { w.at(o.Client, o.Return) }

func (w *wronged) at(client int, when time.Duration) {
	at := reports.Seconds(when)
	if w.harm.Times++; w.harm.Times == 1 {
		w.harm.First, w.harm.Last = at, at
	}
	w.harm.First, w.harm.Last = min(w.harm.First, at), max(w.harm.Last, at)
	if !slices.Contains(w.clients, client) {
		w.clients = append(w.clients, client)
		w.harm.Clients++
	}
}

// promised notes when something was acknowledged that did not last: what took it away came later.
func (w *wronged) promised(when time.Duration) {
	if at := reports.Seconds(when); w.harm.Promised == 0 || at < w.harm.Promised {
		w.harm.Promised = at
	}
}

// into tells a check that failed who it was.
func (w *wronged) into(c *reports.Check) {
	if c.Status == reports.Fail && w.harm.Times > 0 {
		c.Harm = &w.harm
	}
}
