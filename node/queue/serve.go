package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/web"
)

// serveEnqueue enqueues jobs. Each lies in a partition, so each is enqueued or not by itself.
func (s *Server) serveEnqueue(ctx context.Context, c *call) (any, error) {
	var in enqueueCall
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	if n := len(in.Jobs); n < 1 || n > maxJobs {
		return nil, api.Errorf(api.BadRequest, "enqueue jobs", "", "there are 1 to %d, not %d", maxJobs, n)
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	out := enqueueAnswer{Jobs: make([]Enqueued, len(in.Jobs))}
	var all sync.WaitGroup
	for i := range in.Jobs {
		if err := s.placeJob(&in.Jobs[i]); err != nil {
			out.Jobs[i].Error = err
			continue
		}
		all.Go(func() { out.Jobs[i] = s.enqueue(ctx, &in.Jobs[i]) })
	}
	all.Wait()
	if err := out.Jobs[0].Error; err != nil && len(out.Jobs) == 1 {
		return nil, err
	}
	return out, nil
}

// placeJob decides where a job is to lie, or says what is wrong with it.
func (s *Server) placeJob(j *PlacedJob) *api.Error {
	const doing = "enqueue a job"
	if err := j.Validate(); err != nil {
		return api.Errorf(api.BadRequest, doing, "", "%s", err)
	}
	q := s.line(j.Queue)
	if q == nil {
		return api.Errorf(api.NotFound, doing, "", "there is no queue %s", j.Queue)
	}
	return j.place(q.Partitions, s.mine(q))
}

// enqueue enqueues one job.
func (s *Server) enqueue(ctx context.Context, j *PlacedJob) Enqueued {
	p, r, ops := j.put(j.Partition)
	var m *move
	var then func(outcome, error)
	s.mu.Lock()
	w := s.writer(p.partition)
	if j.Delay == 0 {
		m, then = s.handOver(p, r)
	}
	s.mu.Unlock()
	if m == nil {
		m = &move{Then: ops}
		then = func(o outcome, _ error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if x := s.line(p.queue).indexes[p.partition]; o.happened && x != nil && j.Delay == 0 {
				x.enqueued(p.id, r, len(ops[0].Key)+len(ops[0].Value), o.revision)
			}
		}
	}
	o, err := w.run(ctx, m, then)
	if err == nil && !o.happened {
		err = api.Errorf(api.Internal, "enqueue a job", p.id, "there is one of this ID")
	}
	if err != nil {
		return Enqueued{Error: web.AsError(err)}
	}
	return Enqueued{ID: p.id, Partition: p.partition}
}

// serveReserve waits for jobs, and reserves them.
func (s *Server) serveReserve(ctx context.Context, c *call) (any, error) {
	const doing = "reserve"
	in := reserveCall{Most: 1}
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	switch most := s.config.MostWait.Milliseconds(); {
	case len(in.Queues) < 1 || len(in.Queues) > maxQueues:
		return nil, api.Errorf(api.BadRequest, doing, "", "from 1 to %d queues, not %d", maxQueues, len(in.Queues))
	case in.Most < 1 || in.Most > maxReserved:
		return nil, api.Errorf(api.BadRequest, doing, "", "at most 1 to %d jobs, not %d", maxReserved, in.Most)
	case in.Wait < 0 || in.Wait > most:
		return nil, api.Errorf(api.BadRequest, doing, "", "wait 0 to %d ms, not %d", most, in.Wait)
	case len(in.Poll) > maxPollName:
		return nil, api.Errorf(api.BadRequest, doing, "", "a poll's name has at most %d bytes, not %d", maxPollName, len(in.Poll))
	}
	if err := validHold(in.Hold); err != nil {
		return nil, err
	}
	select {
	case <-s.draining:
		return nil, api.Errorf(api.Unavailable, doing, "", "the server is ending")
	default:
	}
	p := &poll{most: in.Most, hold: ms(in.Hold), done: make(chan struct{})}
	for _, name := range in.Queues {
		q, err := s.queue(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(p.lines, q) {
			return nil, api.Errorf(api.BadRequest, doing, "", "the queue %s stands there twice", name)
		}
		p.lines = append(p.lines, q)
	}
	return s.wait(ctx, p, &in)
}

// wait waits for the jobs of a poll. What was reserved for a client that went away is given back.
func (s *Server) wait(ctx context.Context, p *poll, in *reserveCall) (any, error) {
	s.mu.Lock()
	if in.Poll != "" {
		s.polls[in.Poll] = p
	}
	s.offer(p)
	s.mu.Unlock()
	over := time.NewTimer(ms(in.Wait))
	defer over.Stop()
	select {
	case <-p.done:
	case <-over.C:
	case <-ctx.Done():
	case <-s.draining:
	}
	s.end(p)
	<-p.done
	s.mu.Lock()
	if s.polls[in.Poll] == p {
		delete(s.polls, in.Poll)
	}
	out := reserveAnswer{Jobs: make([]reserved, len(p.got))}
	for _, q := range p.lines {
		out.More = out.More || q.count(1) > 0
	}
	s.mu.Unlock()
	for i, d := range p.got {
		out.Jobs[i] = reserved{Job: d.Job, ID: d.ID, Serial: d.Serial, Partition: d.Partition, Token: d.Token, Attempt: d.Attempt, Of: d.Attempts, Hold: d.Hold.Milliseconds(), LastError: d.LastError}
	}
	if ctx.Err() != nil {
		s.giveBack(p.got)
		return nil, api.Errorf(api.Unavailable, "reserve", "", "the client has gone")
	}
	return out, nil
}

// giveBack ends reservations that nobody has heard of.
func (s *Server) giveBack(got []*Delivery) {
	ctx, cancel := limited(context.Background())
	defer cancel()
	for _, d := range got {
		if err := s.settler().release(ctx, *d.ticket()); err != nil {
			s.log.Info("a job that nobody took waits until its hold is over", "job", d.ticket().String(), "error", err)
		}
	}
}

// serveCancel lets a poll wait no more.
func (s *Server) serveCancel(_ context.Context, c *call) (any, error) {
	var in cancelCall
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	p := s.polls[in.Poll]
	s.mu.Unlock()
	if p == nil {
		return nil, api.Errorf(api.NotFound, "cancel a poll", fmt.Sprintf("%.80q", in.Poll), "it has ended, or has not begun")
	}
	s.end(p)
	return struct{}{}, nil
}

// verbs are the ways in which a reservation is treated.
func verbs() []string { return []string{"done", "fail", "heartbeat", "release"} }

// serveOne treats one reservation.
func (s *Server) serveOne(ctx context.Context, c *call, verb string) (any, error) {
	var in settling
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	if in.Verb != "" {
		return nil, api.Errorf(api.BadRequest, "read the body", "", "the verb stands in the path")
	}
	in.Verb = verb
	if err := s.valid(&in); err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	return struct{}{}, s.settleOne(ctx, &in)
}

// serveSettle treats many reservations, each by itself.
func (s *Server) serveSettle(ctx context.Context, c *call) (any, error) {
	var in settleCall
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	if n := len(in.Reservations); n < 1 || n > maxJobs {
		return nil, api.Errorf(api.BadRequest, "settle reservations", "", "there are 1 to %d, not %d", maxJobs, n)
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	out := settleAnswer{Reservations: make([]settled, len(in.Reservations))}
	var all sync.WaitGroup
	for i := range in.Reservations {
		if err := s.valid(&in.Reservations[i]); err != nil {
			out.Reservations[i].Error = err
			continue
		}
		all.Go(func() { out.Reservations[i].Error = web.AsError(s.settleOne(ctx, &in.Reservations[i])) })
	}
	all.Wait()
	return out, nil
}

// valid says what is wrong with what is to be done with a reservation.
func (s *Server) valid(in *settling) *api.Error {
	if !slices.Contains(verbs(), in.Verb) {
		return api.Errorf(api.BadRequest, "settle a reservation", "", "a verb is one of %v, not %.20q", verbs(), in.Verb)
	}
	q, err := s.queue(in.Queue)
	if err != nil {
		return web.AsError(err)
	}
	t := in.ticket()
	if err := t.validate(); err != nil {
		return web.AsError(err)
	}
	if !q.Partitions.Has(in.Partition) { // who makes its moves would be kept
		return api.Errorf(api.BadRequest, "settle a reservation", "", "%.80q is not a partition of %s", in.Partition, in.Queue)
	}
	switch {
	case in.Hold != 0 && in.Verb != "heartbeat", in.Why != "" && in.Verb != "fail", (in.Effect != nil || len(in.Changes) > 0) && in.Verb != "done":
		return api.Errorf(api.BadRequest, "settle a reservation", "", "a hold is of a heartbeat, a why of a failure, an effect of what is done: not of %s", in.Verb)
	}
	return web.AsError(validHold(in.Hold))
}

// settleOne treats a reservation.
func (s *Server) settleOne(ctx context.Context, in *settling) error {
	t, q := in.ticket(), s.line(in.Queue)
	switch in.Verb {
	case "done":
		e, err := in.effect()
		if err != nil {
			return err
		}
		return s.settler().done(ctx, t, e)
	case "fail":
		return s.settler().fail(ctx, t, q.Queue, in.Why)
	case "release":
		return s.settler().release(ctx, t)
	}
	hold := ms(in.Hold)
	if hold == 0 {
		hold = q.Hold
	}
	return s.settler().heartbeat(ctx, t, hold)
}
