package queue

import (
	"context"
	"maps"
	"slices"
	"strings"

	"picloud/node/api"
)

// work does one thing that is to be done, and tells whether there may be more.
func (c *caretaker) work(ctx context.Context) bool {
	for _, x := range c.indexes {
		did, err := c.workOn(ctx, x)
		if err != nil {
			c.server.log.WarnContext(ctx, "a queue could not be read", "queue", x.queue.Name, "partition", c.partition, "error", err)
			return false
		}
		if did {
			return true
		}
	}
	return false
}

func (c *caretaker) workOn(ctx context.Context, x *index) (bool, error) {
	s := c.server
	s.mu.Lock()
	c.buryUsed(x)
	woken := takeSome(x.wake, mostWoken)
	hungry, lanes := x.hungry(), x.wantsLanes()
	var from string
	if hungry != nil {
		from = max(hungry.at, hungry.name)
	}
	at := x.at
	s.mu.Unlock()
	switch {
	case len(woken) > 0:
		return true, c.look(ctx, x, woken)
	case hungry != nil:
		return true, c.fill(ctx, x, hungry, from)
	case lanes:
		return true, c.findLanes(ctx, x, at)
	}
	return c.count(ctx, x)
}

// mostWoken is how many jobs are read at one time, each with its markers.
const mostWoken = api.MaxTxnOps / 3

// takeSome takes some of a set, the first ones.
func takeSome(set map[string]bool, most int) []string {
	ids := slices.Sorted(maps.Keys(set))
	ids = ids[:min(len(ids), most)]
	for _, id := range ids {
		delete(set, id)
	}
	return ids
}

// buryUsed moves jobs to the dead that have no attempts left.
func (c *caretaker) buryUsed(x *index) {
	for _, id := range slices.Sorted(maps.Keys(x.used)) {
		e := x.used[id]
		if e.taken {
			continue
		}
		e.taken = true
		p := place{c.partition, x.queue.Name, id}
		r := *e.record
		if r.LastError == "" {
			r.LastError = "whoever ran it did not end it in time"
		}
		c.server.writer(c.partition).submit(bury(p, r, e.modified, x.queue.DeadFor), func(o outcome, err error) {
			c.server.mu.Lock()
			defer c.server.mu.Unlock()
			if x.used[id] == e {
				delete(x.used, id)
			}
			if !o.happened {
				x.wake[id] = true
				c.kick()
			}
		})
	}
}

// look reads jobs that may be ready.
func (c *caretaker) look(ctx context.Context, x *index, ids []string) error {
	s := c.server
	ops := make([]api.Op, 0, 3*len(ids))
	for _, id := range ids {
		p := place{c.partition, x.queue.Name, id}
		for _, key := range []string{p.job(), p.asleep(), p.held()} {
			ops = append(ops, api.Op{Kind: api.Get, Key: key})
		}
	}
	reply, err := c.read(ctx, ops...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		for _, id := range ids {
			x.wake[id] = true
		}
		return err
	}
	found := records(reply)
	for i, id := range ids {
		job, marked := found[3*i], found[3*i+1] != nil || found[3*i+2] != nil
		if job == nil || marked {
			x.unready(id, reply.Revision)
		} else if x.entries[id] != nil || x.admits(id) {
			x.readyAs(id, job, reply.Revision)
		}
	}
	s.dispatch(x.queue)
	return nil
}

// standingJob is a job as it stands in the store.
type standingJob struct {
	id     string
	job    *api.Record // nil if markers stand there alone
	marked bool
}

// jobsIn returns the jobs of a page of rows. If there is more behind it, the last one may not be whole and is left out; rest
// is where to go on then.
func jobsIn(partition string, page *api.Result) (jobs []standingJob, rest string) {
	for i := range page.Records {
		r := parseRow(partition, page.Records[i].Key)
		if r.kind != jobRow && r.kind != asleepRow && r.kind != heldRow {
			continue
		}
		if n := len(jobs); n == 0 || jobs[n-1].id != r.id {
			jobs = append(jobs, standingJob{id: r.id})
		}
		j := &jobs[len(jobs)-1]
		if r.kind == jobRow {
			j.job = &page.Records[i]
		} else {
			j.marked = true
		}
	}
	if n := len(jobs); page.More && n > 1 {
		return jobs[:n-1], jobs[n-1].id
	}
	return jobs, ""
}

// fill puts the next jobs of a lane into its window.
func (c *caretaker) fill(ctx context.Context, x *index, l *lane, from string) error {
	s := c.server
	rows := queueRows(c.partition, x.queue.Name) + rowJob
	reply, err := c.read(ctx, api.Op{Kind: api.Scan, Key: rows + from, End: api.PrefixEnd(rows + l.name), Limit: max(64, 2*x.window())})
	if err != nil {
		return err
	}
	jobs, rest := jobsIn(c.partition, &reply.Results[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.lanes[l.name] != l {
		return nil
	}
	for _, j := range jobs {
		switch {
		case j.job == nil || j.marked:
			x.unready(j.id, reply.Revision)
		case x.entries[j.id] == nil && !l.room():
			l.at = j.id
			s.dispatch(x.queue)
			return nil
		default:
			x.readyAs(j.id, j.job, reply.Revision)
		}
	}
	if rest != "" {
		l.at = rest
	} else {
		l.turn()
	}
	s.dispatch(x.queue)
	x.tidy(l)
	return nil
}

// findLanes looks for lanes that are not known.
func (c *caretaker) findLanes(ctx context.Context, x *index, from string) error {
	s := c.server
	rows := queueRows(c.partition, x.queue.Name) + rowJob
	reply, err := c.read(ctx, api.Op{Kind: api.Scan, Key: rows + from, End: api.PrefixEnd(rows), Limit: 64})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page := &reply.Results[0]
	last := ""
	for i := range page.Records {
		id := strings.TrimPrefix(page.Records[i].Key, rows)
		priority, tenant, _, ok := splitID(parseRow(c.partition, page.Records[i].Key).id)
		if !ok {
			last = id
			continue
		}
		last = laneOf(priority, tenant)
		if x.lane(last+string(plainID)) == nil {
			x.at = last
			return nil
		}
	}
	if page.More {
		x.at = last + "\xff" // behind the last lane
	} else {
		x.turn()
	}
	return nil
}
