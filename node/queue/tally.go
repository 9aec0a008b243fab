package queue

import (
	"context"

	"picloud/node/api"
)

// tally is how many rows of each kind a queue has in a partition. They are counted once, page by page, and from then on by
// what happens to them.
type tally struct {
	rows   [pausedRow + 1]int
	at     string // rows before it are counted
	whole  bool   // all are
	counts []counted
}

// counted is a page: rows from one key up to another, or the end of all, were counted as of a revision.
type counted struct {
	from, end string
	revision  uint64
}

const tallyPage = 1000

// note counts a row that came or went, if it is among those that are counted, and was not counted like that.
func (t *tally) note(e *api.Event, kind rowKind) {
	if !t.whole && e.Record.Key >= t.at {
		return
	}
	for _, p := range t.counts {
		if e.Revision <= p.revision && e.Record.Key >= p.from && (p.end == "" || e.Record.Key < p.end) {
			return
		}
	}
	switch {
	case e.Kind != api.Changed:
		t.rows[kind]--
	case e.Record.Version == 1:
		t.rows[kind]++
	}
}

// followed forgets what was counted as of revisions that were followed to.
func (t *tally) followed(to uint64) {
	for len(t.counts) > 0 && t.counts[0].revision <= to {
		t.counts = t.counts[1:]
	}
}

// count counts the next page of a queue's rows, and tells whether there was one.
func (c *caretaker) count(ctx context.Context, x *index) (bool, error) {
	t := c.tallies[x.queue.Name]
	if t.whole {
		return false, nil
	}
	rows := queueRows(c.partition, x.queue.Name)
	reply, err := c.read(ctx, api.Op{Kind: api.Scan, Key: max(t.at, rows), End: api.PrefixEnd(rows), Limit: tallyPage})
	if err != nil {
		return false, err
	}
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	page := &reply.Results[0]
	for i := range page.Records {
		t.rows[parseRow(c.partition, page.Records[i].Key).kind]++
	}
	from := t.at
	if n := len(page.Records); page.More {
		t.at = page.Records[n-1].Key + "\x01"
	} else {
		t.whole, t.at = true, ""
	}
	t.counts = append(t.counts, counted{from, t.at, reply.Revision})
	return true, nil
}
