package queue

import "picloud/node/api"

// change is what a revision does to a job.
type change struct {
	index    *index
	id       string
	job      *api.Record   // as it is now, if it was written
	gone     api.EventKind // if it is no more
	marked   bool          // has a marker now that it had not, or was given another time
	unmarked bool          // has lost a marker
	reserved bool
	expired  bool // its reservation was not ended in time
	slept    bool
	dead     bool // lies among the dead now
}

// revision takes note of the events of one revision.
func (c *caretaker) revision(events []api.Event) {
	at := events[0].Revision
	var changes []*change
	known := map[place]*change{}
	of := func(x *index, id string) *change {
		p := place{c.partition, x.queue.Name, id}
		if known[p] == nil {
			known[p] = &change{index: x, id: id}
			changes = append(changes, known[p])
		}
		return known[p]
	}
	for i := range events {
		e := &events[i]
		r := parseRow(c.partition, e.Record.Key)
		x := c.index(r.queue)
		if x == nil {
			continue
		}
		c.tallies[r.queue].note(e, r.kind)
		switch r.kind {
		case pausedRow:
			x.pause(e.Kind == api.Changed)
		case scheduleRow:
			c.scheduleEvent(e)
		case deadRow:
			if id, _, ok := splitDead(r.id); ok && e.Kind == api.Changed {
				of(x, id).dead = true
			}
		case jobRow, asleepRow, heldRow:
			of(x, r.id).note(e, r.kind)
		}
	}
	for _, ch := range changes {
		c.server.metrics.happened(ch)
		ch.apply(at)
	}
}

// index returns what is known of a queue, nil if the partition has no such queue.
func (c *caretaker) index(queue string) *index {
	for _, x := range c.indexes {
		if x.queue.Name == queue {
			return x
		}
	}
	return nil
}

// note adds an event of a job or its markers.
func (ch *change) note(e *api.Event, kind rowKind) {
	switch {
	case kind == jobRow && e.Kind == api.Changed:
		ch.job = &e.Record
	case kind == jobRow:
		ch.gone = e.Kind
	case e.Kind == api.Changed:
		ch.marked = true
		ch.reserved = kind == heldRow && e.Record.Version == 1
		ch.slept = kind == asleepRow
	default:
		ch.unmarked = true
		ch.expired = kind == heldRow && e.Kind == api.Expired
	}
}

// apply changes what is known of the job.
func (ch *change) apply(at uint64) {
	x, job := ch.index, ch.job
	switch {
	case ch.marked || ch.gone != "" && job == nil:
		x.unready(ch.id, at)
	case job != nil && job.Version == 1 && !isUnique(ch.id):
		if x.admits(ch.id) {
			x.readyAs(ch.id, job, at)
		}
	default: // it may have another marker
		x.mayBeReady(ch.id, at)
	}
}

// readyAs takes note of a job that was ready as of a revision. What nobody can read is never ready.
func (x *index) readyAs(id string, job *api.Record, seen uint64) {
	r, err := decodeRecord(job.Value)
	if err != nil {
		x.queue.server.unreadable(job.Key, err)
		return
	}
	x.ready(id, r, len(job.Key)+len(job.Value), job.Modified, job.Created, seen)
}
