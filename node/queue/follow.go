package queue

import (
	"context"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// caretaker looks after the queues of a partition: it follows what happens to their rows, fills the windows, moves to the
// dead what has no attempts left, and ticks schedules. Everything but the windows is its own.
type caretaker struct {
	server    *Server
	partition string
	indexes   []*index // in the order of their queues' names
	tallies   map[string]*tally
	schedules map[string]*scheduled // by the key
	next      uint64                // the revision from which on events have not been followed
	kicked    chan struct{}
}

const (
	readLimit  = 5 * time.Second  // for a read of the store
	watchLimit = 20 * time.Second // for a call that waits for events
	readAgain  = 10 * time.Millisecond
	again      = time.Second // between a call that failed and the next
	tickEvery  = time.Second // for what depends on the time of day
)

func newCaretaker(s *Server, partition string) *caretaker {
	return &caretaker{server: s, partition: partition, kicked: make(chan struct{}, 1)}
}

// kick says that there is something to do.
func (c *caretaker) kick() {
	select {
	case c.kicked <- struct{}{}:
	default:
	}
}

// run looks after the partition until the context ends.
func (c *caretaker) run(ctx context.Context) {
	defer c.drop()
	for ctx.Err() == nil {
		err := c.care(ctx)
		if ctx.Err() != nil {
			return
		}
		c.server.metrics.resets.Inc()
		c.server.log.WarnContext(ctx, "the queues of a partition are read anew", "partition", c.partition, "error", err)
		if api.KindOf(err) != api.Compacted { // else it has slept for long
			wait.For(ctx, again)
		}
	}
}

// drop forgets all that is known.
func (c *caretaker) drop() {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range c.indexes {
		x.dropped = true
		delete(x.queue.indexes, c.partition)
	}
	c.indexes = nil
}

// begin knows nothing yet.
func (c *caretaker) begin() {
	c.drop()
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	c.tallies, c.schedules, c.next = map[string]*tally{}, map[string]*scheduled{}, 0
	for _, q := range s.lines {
		if slices.Contains(q.Partitions.All(), c.partition) {
			x := newIndex(q, c)
			q.indexes[c.partition] = x
			c.indexes = append(c.indexes, x)
			c.tallies[q.Name] = &tally{}
		}
	}
}

// care reads what there is, and follows what happens, until it cannot.
func (c *caretaker) care(ctx context.Context) error {
	c.begin()
	for i, x := range c.indexes {
		revision, err := c.readSettings(ctx, x)
		if err != nil {
			return err
		}
		if i == 0 {
			c.next = revision + 1
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, failed := make(chan *api.Events), make(chan error, 1)
	go func() { failed <- c.watch(ctx, c.next, batches) }()
	defer func() { cancel(); <-failed }()
	busy := make(chan struct{})
	close(busy)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		idle := c.kicked
		if c.work(ctx) {
			idle = busy // there is more to do
		}
		select {
		case events := <-batches:
			c.follow(events)
		case err := <-failed:
			failed <- err
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			c.tick()
		case <-idle:
		}
	}
}

// watch passes on what happens to the rows of the partition's queues.
func (c *caretaker) watch(ctx context.Context, from uint64, to chan<- *api.Events) error {
	rows := c.partition + behindDocuments
	for ctx.Err() == nil {
		events, err := c.events(ctx, &api.Watch{Key: rows, End: api.PrefixEnd(rows), From: from})
		switch {
		case api.KindOf(err) == api.Compacted:
			return err
		case err != nil:
			if ctx.Err() == nil {
				c.server.log.WarnContext(ctx, "a partition's queues are not followed for now", "partition", c.partition, "error", err)
			}
			wait.For(ctx, again)
			continue
		}
		from = events.Next
		select {
		case to <- events:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (c *caretaker) events(ctx context.Context, w *api.Watch) (*api.Events, error) {
	ctx, cancel := context.WithTimeout(ctx, watchLimit)
	defer cancel()
	return c.server.store.Events(ctx, w)
}

// read reads the store as it is, with all that was followed: events come from any member of a group, and one may have applied
// a change that the leader has not.
func (c *caretaker) read(ctx context.Context, ops ...api.Op) (*api.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	for {
		reply, err := c.server.store.Txn(ctx, &api.Txn{Then: ops})
		if err != nil || reply.Revision+1 >= c.next {
			return reply, err
		}
		if !wait.For(ctx, readAgain) {
			return nil, api.Errorf(api.Unavailable, "read", c.partition, "the leader has not applied revision %d yet", c.next-1)
		}
	}
}

// readSettings reads whether a queue is paused, and its schedules.
func (c *caretaker) readSettings(ctx context.Context, x *index) (revision uint64, err error) {
	rows := queueRows(c.partition, x.queue.Name)
	reply, err := c.read(ctx, api.Op{Kind: api.Get, Key: rows + rowPaused})
	if err != nil {
		return 0, err
	}
	schedules, err := api.Pages(rows+rowSchedule, 0, func(o api.Op) (*api.Reply, error) { return c.read(ctx, o) })
	if err != nil {
		return 0, err
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	for i := range schedules {
		c.schedule(&schedules[i])
	}
	x.pause(len(reply.Results[0].Records) > 0)
	return reply.Revision, nil
}

// follow takes note of what has happened.
func (c *caretaker) follow(events *api.Events) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for list := events.Events; len(list) > 0; {
		n := 1
		for n < len(list) && list[n].Revision == list[0].Revision {
			n++
		}
		c.revision(list[:n])
		list = list[n:]
	}
	c.next = events.Next
	for _, x := range c.indexes {
		x.followed(c.next - 1)
		c.tallies[x.queue.Name].followed(c.next - 1)
		s.dispatch(x.queue)
	}
}
