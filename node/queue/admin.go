package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// mine returns the partitions of a queue that this server looks after.
func (s *Server) mine(q *line) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(q.indexes))
}

func (s *Server) serveQueues(context.Context, *call) (any, error) {
	out := queuesAnswer{Queues: []knownQueue{}}
	for _, q := range s.lines {
		out.Queues = append(out.Queues, knownQueue{q.Name, q.Partitions.Namespace, q.Partitions.Count})
	}
	return out, nil
}

// listDead reads dead jobs of a queue from a place on, partition by partition, and says where to go on.
func (s *Server) listDead(ctx context.Context, q *line, after string, most int) ([]api.Record, string, error) {
	var found []api.Record
	first, id, _ := strings.Cut(after, "/")
	for _, p := range q.Partitions.All() {
		if p < first {
			continue
		}
		rows := queueRows(p, q.Name) + rowDead
		from := rows
		if p == first {
			from = rows + id + "\x01"
		}
		reply, err := s.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: from, End: api.PrefixEnd(rows), Limit: most - len(found)}}})
		if err != nil {
			return nil, "", err
		}
		page := &reply.Results[0]
		found = append(found, page.Records...)
		if n := len(page.Records); n > 0 && (page.More || len(found) == most) {
			return found, p + "/" + strings.TrimPrefix(page.Records[n-1].Key, rows), nil
		}
	}
	return found, "", nil
}

// from checks where a list goes on.
func (q *line) from(after string) error {
	if partition, _, _ := strings.Cut(after, "/"); after != "" && !slices.Contains(q.Partitions.All(), partition) {
		return api.Errorf(api.BadRequest, "read the query", "after", "%.80q is not what an answer said", after)
	}
	return nil
}

// dead is the row of a dead job.
type dead struct {
	partition, id string // the ID is that of the dead one
	at            place  // of the job that it was
	token         uint64
	record        *record // nil if the row cannot be read
}

func deadOf(q *line, r *api.Record) dead {
	partition := api.Partition(r.Key)
	d := dead{partition: partition, id: strings.TrimPrefix(r.Key, queueRows(partition, q.Name)+rowDead)}
	id, token, ok := splitDead(d.id)
	if rec, err := decodeRecord(r.Value); ok && err == nil {
		d.at, d.token, d.record = place{partition, q.Name, id}, token, rec
	}
	return d
}

// job returns what is told of it. One that cannot be read must not hide the others.
func (d *dead) job() DeadJob {
	job := DeadJob{Partition: d.partition, ID: d.id, Unreadable: d.record == nil}
	if rec := d.record; rec != nil {
		job.Job, job.Attempt, job.LastError, job.Died = rec.job(d.at), rec.Attempt, rec.LastError, rec.Died
	}
	return job
}

func (s *Server) serveDead(ctx context.Context, c *call) (any, error) {
	q, err := s.queue(c.query.Get("queue"))
	if err != nil {
		return nil, err
	}
	most := 100
	if text := c.query.Get("limit"); text != "" {
		if most, err = strconv.Atoi(text); err != nil || most < 1 || most > maxListed {
			return nil, api.Errorf(api.BadRequest, "read the query", "limit", "it is 1 to %d, not %.20q", maxListed, text)
		}
	}
	after := c.query.Get("after")
	if err := q.from(after); err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	found, next, err := s.listDead(ctx, q, after, most)
	if err != nil {
		return nil, err
	}
	out := deadAnswer{Dead: []DeadJob{}, After: next}
	for i := range found {
		d := deadOf(q, &found[i])
		out.Dead = append(out.Dead, d.job())
	}
	return out, nil
}

func (s *Server) serveRedrive(ctx context.Context, c *call) (any, error) {
	return s.moveDead(ctx, c, redriven)
}

func (s *Server) serveDiscard(ctx context.Context, c *call) (any, error) {
	return s.moveDead(ctx, c, discarded)
}

// redriven returns how a dead job is made to wait again, nil if it cannot be read.
func redriven(q *line, r *api.Record) *move {
	d := deadOf(q, r)
	if d.record == nil {
		return nil
	}
	return redrive(d.at, *d.record, d.token, r.Modified)
}

// discarded returns how a dead job is ended, whatever it is.
func discarded(_ *line, r *api.Record) *move { return discard(r.Key, r.Modified) }

// moveDead does something with dead jobs.
func (s *Server) moveDead(ctx context.Context, c *call, how func(q *line, r *api.Record) *move) (any, error) {
	const doing = "move dead jobs"
	var in deadCall
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	q, err := s.queue(in.Queue)
	switch {
	case err != nil:
		return nil, err
	case in.All == (len(in.Dead) > 0) || len(in.Dead) > maxListed:
		return nil, api.Errorf(api.BadRequest, doing, "", "all of a queue, or 1 to %d that are named", maxListed)
	case in.After != "" && !in.All:
		return nil, api.Errorf(api.BadRequest, doing, "after", "it is for all of a queue")
	}
	if err := q.from(in.After); err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	var out movedAnswer
	var found []api.Record
	if in.All {
		found, out.After, err = s.listDead(ctx, q, in.After, maxListed)
	} else {
		found, err = s.readDead(ctx, q, in.Dead)
	}
	if err != nil {
		return nil, err
	}
	moved := make([]bool, len(found))
	// One after another they would take longer than a request may.
	err = wait.Together(len(found), func(i int) (err error) {
		r := &found[i]
		m := how(q, r)
		if m == nil && in.All {
			return nil
		}
		if m == nil {
			return api.Errorf(api.Damaged, doing, fmt.Sprintf("%q", r.Key), "it is not readable: it can only be discarded")
		}
		o, err := s.run(ctx, api.Partition(r.Key), m)
		moved[i] = o.happened
		return err
	})
	if err != nil {
		if slices.Contains(moved, true) {
			err = api.Partly(err)
		}
		return nil, err
	}
	for _, is := range moved {
		if is {
			out.Moved++
		}
	}
	return out, nil
}

// readDead reads the dead jobs that are named, as far as they are there: who repeats a request has moved some of them before.
func (s *Server) readDead(ctx context.Context, q *line, refs []deadRef) ([]api.Record, error) {
	const doing = "find the dead job"
	found := make([][]api.Record, len(refs))
	err := wait.Together(len(refs), func(i int) error {
		d := &refs[i]
		if _, _, ok := splitDead(d.ID); !ok || !q.Partitions.Has(d.Partition) {
			return api.Errorf(api.BadRequest, doing, fmt.Sprintf("%.80q in %.80q", d.ID, d.Partition), "this is none of %s", q.Name)
		}
		reply, err := s.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: queueRows(d.Partition, q.Name) + rowDead + d.ID}}})
		if err == nil {
			found[i] = reply.Results[0].Records
		}
		return err
	})
	there := slices.Concat(found...)
	if err == nil && len(there) == 0 {
		err = api.Errorf(api.NotFound, doing, refs[0].ID, "there is none")
	}
	return there, err
}

func (s *Server) servePause(ctx context.Context, c *call) (any, error) {
	return s.inEach(ctx, c, func(key string) api.Op { return put(key, nil, 0) })
}

func (s *Server) serveResume(ctx context.Context, c *call) (any, error) {
	return s.inEach(ctx, c, remove)
}

// inEach pauses or resumes a queue in each of its partitions. When it fails it may have been done in some.
func (s *Server) inEach(ctx context.Context, c *call, op func(key string) api.Op) (any, error) {
	var in queueCall
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	q, err := s.queue(in.Queue)
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	for i, p := range q.Partitions.All() {
		if _, err := s.run(ctx, p, &move{Then: []api.Op{op(queueRows(p, q.Name) + rowPaused)}}); err != nil {
			if i > 0 {
				err = api.Partly(err)
			}
			return nil, err
		}
	}
	return struct{}{}, nil
}

func (s *Server) serveStats(context.Context, *call) (any, error) {
	return statsAnswer{Queues: s.stats()}, nil
}

// stats returns what is known of each queue, in the order of their names.
func (s *Server) stats() []Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Stats, 0, len(s.lines))
	for _, q := range s.lines {
		all = append(all, q.stats())
	}
	return all
}

func (q *line) stats() Stats {
	st := Stats{Queue: q.Name, Partitions: len(q.indexes), Counted: true, Waiting: q.waiting.Len()}
	now := time.Now()
	for _, x := range q.indexes {
		t := x.care.tallies[q.Name]
		jobs, asleep, held := t.rows[jobRow], t.rows[asleepRow], t.rows[heldRow]
		st.Counted = st.Counted && t.whole
		st.Ready += max(0, jobs-asleep-held)
		st.Asleep += asleep
		st.Reserved += held
		st.Dead += t.rows[deadRow]
		st.Paused = st.Paused || x.paused
		for _, l := range x.lanes {
			if len(l.ready) > 0 {
				st.OldestMS = max(st.OldestMS, now.Sub(l.ready[0].since).Milliseconds())
			}
		}
	}
	return st
}

func (s *Server) serveSchedules(ctx context.Context, c *call) (any, error) {
	q, err := s.queue(c.query.Get("queue"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	out := schedulesAnswer{Schedules: []NamedSchedule{}}
	for _, p := range q.Partitions.All() {
		rows := queueRows(p, q.Name) + rowSchedule
		found, err := api.Pages(rows, 0, func(o api.Op) (*api.Reply, error) { return s.store.Txn(ctx, &api.Txn{Then: []api.Op{o}}) })
		if err != nil {
			return nil, err
		}
		for i := range found {
			r := &found[i]
			sched, err := decodeSchedule(r.Value)
			if err != nil {
				return nil, api.Errorf(api.Damaged, "read the schedule", fmt.Sprintf("%q", r.Key), "%s", err)
			}
			out.Schedules = append(out.Schedules, NamedSchedule{strings.TrimPrefix(r.Key, rows), *sched})
		}
	}
	slices.SortFunc(out.Schedules, func(a, b NamedSchedule) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// named returns the queue and the name in the path of a schedule.
func (s *Server) named(c *call) (*line, string, error) {
	queue, name, _ := strings.Cut(c.path, "/")
	q, err := s.queue(queue)
	if err == nil && !validName(name) {
		err = api.Errorf(api.BadRequest, "use the schedule", fmt.Sprintf("%.80q", name), "a name is 1 to %d of a-z, 0-9, - and _", maxName)
	}
	return q, name, err
}

func (s *Server) servePutSchedule(ctx context.Context, c *call) (any, error) {
	const doing = "put a schedule"
	q, name, err := s.named(c)
	if err != nil {
		return nil, err
	}
	var in Schedule
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	if in.Job.Queue == "" {
		in.Job.Queue = q.Name
	}
	if err := in.Validate(); err != nil {
		return nil, api.Errorf(api.BadRequest, doing, name, "%s", err)
	}
	if in.Job.Queue != q.Name || in.Next != 0 {
		return nil, api.Errorf(api.BadRequest, doing, name, "its job is of the queue %s, and when it ticks next is not given", q.Name)
	}
	if in.Next, err = in.after(time.Now()); err != nil {
		return nil, api.Errorf(api.BadRequest, doing, name, "%s", err)
	}
	value, err := in.encode()
	if err != nil {
		return nil, err
	}
	key := q.scheduleKey(name)
	ctx, cancel := limited(ctx)
	defer cancel()
	_, err = s.run(ctx, api.Partition(key), &move{Then: []api.Op{put(key, value, 0)}})
	return NamedSchedule{name, in}, err
}

func (s *Server) serveDeleteSchedule(ctx context.Context, c *call) (any, error) {
	q, name, err := s.named(c)
	if err != nil {
		return nil, err
	}
	key := q.scheduleKey(name)
	ctx, cancel := limited(ctx)
	defer cancel()
	o, err := s.run(ctx, api.Partition(key), &move{If: []api.Compare{{Key: key, What: api.Version, Is: ">"}}, Then: []api.Op{remove(key)}})
	if err == nil && !o.happened {
		err = api.Errorf(api.NotFound, "delete the schedule", name, "there is none")
	}
	return struct{}{}, err
}
