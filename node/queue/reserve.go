package queue

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// Reserve waits for jobs; see Source. It asks servers of which it knows that they have more, one after another; and if there
// is none, all of them at the same time, each of which answers when it has something. Those that are not needed any more
// are told, and what they had reserved already is given back.
func (c *Client) Reserve(ctx context.Context, queues []string, most int, hold time.Duration) ([]*Delivery, error) {
	if most < 1 || len(queues) == 0 {
		return nil, api.Errorf(api.BadRequest, "reserve", "", "at most %d jobs of %d queues", most, len(queues))
	}
	in := reserveCall{Queues: queues, Most: min(most, maxReserved), Hold: hold.Milliseconds()}
	for ctx.Err() == nil {
		got := c.fromStash(in)
		var err error
		if len(got) == 0 {
			got = c.fromRich(ctx, in)
		}
		if len(got) == 0 {
			got, err = c.fromAny(ctx, in)
		}
		if len(got) > 0 || err != nil {
			return got, err
		}
	}
	return nil, nil
}

// poll asks a server for jobs.
func (c *Client) poll(ctx context.Context, server string, in reserveCall) ([]*Delivery, error) {
	var out reserveAnswer
	if err := c.ask(ctx, server, "/v1/reserve", &in, &out); err != nil {
		return nil, err
	}
	c.setRich(server, out.More)
	got := make([]*Delivery, len(out.Jobs))
	for i := range out.Jobs {
		r := &out.Jobs[i]
		got[i] = &Delivery{Job: r.Job, ID: r.ID, Serial: r.Serial, Partition: r.Partition, Token: r.Token, Attempt: r.Attempt, Attempts: r.Of, LastError: r.LastError,
			Hold: ms(r.Hold), Keeper: c, server: server}
	}
	return got, nil
}

func (c *Client) setRich(server string, rich bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.rich, server)
	switch {
	case rich && i < 0:
		c.rich = append(c.rich, server)
	case !rich && i >= 0:
		c.rich = slices.Delete(c.rich, i, i+1)
	}
}

// nextRich returns a server that had more than it was asked for, another one each time, and nothing if there is none.
func (c *Client) nextRich() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rich) == 0 {
		return ""
	}
	server := c.rich[0]
	c.rich = append(c.rich[1:], server)
	return server
}

// fromRich asks servers that had more.
func (c *Client) fromRich(ctx context.Context, in reserveCall) []*Delivery {
	for ctx.Err() == nil {
		server := c.nextRich()
		if server == "" {
			return nil
		}
		limited, cancel := c.outlasting(ctx, answerLimit, richLimit)
		got, err := c.poll(limited, server, in)
		cancel()
		if err != nil {
			c.setRich(server, false)
		}
		if len(got) > 0 {
			return got
		}
	}
	return nil
}

// outlasting returns a context for a request that has its limit, and some time when nobody needs the answer any more: what is reserved already
// must not be lost on the way. It ends with the client.
func (c *Client) outlasting(ctx context.Context, limit, more time.Duration) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithTimeout(c.life, limit)
	leave := context.AfterFunc(ctx, func() { time.AfterFunc(more, cancel) })
	return limited, func() { leave(); cancel() }
}

// asked is a server that is asked to wait for jobs.
type asked struct {
	server   string
	name     string        // of the poll
	answered chan struct{} // closed when the other fields say what came of it
	got      []*Delivery
	err      error
}

// fromAny asks all servers at the same time, and returns what the first one has. It is an error if none of them does what it is asked, or
// none is known for some time.
func (c *Client) fromAny(ctx context.Context, in reserveCall) ([]*Delivery, error) {
	servers, changed := c.handing(ctx, in.Queues)
	ctx, enough := context.WithCancel(ctx)
	answers := make(chan *asked, len(servers))
	waiting := map[string]*asked{} // by server
	begin := func(server string, after time.Duration) {
		a := &asked{server: server, name: fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()), answered: make(chan struct{})}
		waiting[server] = a
		call := in
		call.Wait, call.Poll = pollFor.Milliseconds(), a.name
		c.goOn(func() {
			if wait.For(ctx, after) && ctx.Err() == nil {
				limited, cancel := c.outlasting(ctx, pollFor+answerLimit, answerLimit)
				defer cancel()
				a.got, a.err = c.poll(limited, server, call)
			}
			close(a.answered)
			answers <- a
		})
	}
	for _, s := range servers {
		begin(s, 0)
	}
	defer func() {
		enough()
		for _, server := range slices.Sorted(maps.Keys(waiting)) {
			c.goOn(func() { c.callOff(waiting[server], in) })
		}
	}()
	failed := map[string]bool{} // the servers whose last answer was an error
	var nobody <-chan time.Time
	if len(servers) == 0 {
		nobody = time.After(answerLimit)
	}
	for {
		select {
		case a := <-answers:
			delete(waiting, a.server)
			if len(a.got) > 0 {
				return a.got, nil
			}
			if a.err == nil {
				delete(failed, a.server)
				begin(a.server, 0)
				continue
			}
			if failed[a.server] = true; len(failed) == len(servers) {
				return nil, a.err
			}
			if kind := api.KindOf(a.err); kind == api.BadRequest || kind == api.NotFound {
				begin(a.server, pollFor)
			} else {
				begin(a.server, pauseAfter)
			}
		case <-nobody:
			return nil, api.Errorf(api.Unavailable, "reserve jobs", "", "no queue server is known")
		case <-changed:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// callOff ends a poll that nobody waits for any more, and keeps what it has reserved. Its request may be on its way
// still, so it is told more than once.
func (c *Client) callOff(a *asked, in reserveCall) {
	ctx, cancel := context.WithTimeout(c.life, answerLimit)
	defer cancel()
	for pause := 10 * time.Millisecond; ctx.Err() == nil; pause *= 2 {
		if err := c.ask(ctx, a.server, "/v1/cancel", &cancelCall{a.name}, &struct{}{}); api.KindOf(err) != api.NotFound {
			break
		}
		select {
		case <-a.answered:
		case <-time.After(pause):
			continue
		}
		break
	}
	<-a.answered
	c.keep(a.got, in)
}

// stash is jobs that came when they were not needed any more.
type stash struct {
	jobs []*Delivery
}

// stashFor is how long jobs wait here for the next call that wants such. It is short, as others could do them.
const stashFor = 50 * time.Millisecond

// of names what a call wants.
func (in *reserveCall) of() string { return fmt.Sprint(in.Hold, in.Queues) }

// keep keeps jobs for the next call that wants such, and gives them back if none comes soon.
func (c *Client) keep(got []*Delivery, in reserveCall) {
	if len(got) == 0 {
		return
	}
	s := &stash{got}
	c.mu.Lock()
	c.stashes[in.of()] = append(c.stashes[in.of()], s)
	c.mu.Unlock()
	time.Sleep(stashFor)
	c.mu.Lock()
	left := s.jobs
	s.jobs = nil
	c.stashes[in.of()] = slices.DeleteFunc(c.stashes[in.of()], func(o *stash) bool { return o == s })
	if len(c.stashes[in.of()]) == 0 {
		delete(c.stashes, in.of())
	}
	c.mu.Unlock()
	for _, d := range left {
		c.goOn(func() {
			ctx, cancel := context.WithTimeout(c.life, answerLimit)
			defer cancel()
			if err := c.Release(ctx, d); err != nil {
				c.log.Info("a job that was not needed waits until its hold is over", "job", d.ticket().String(), "error", err)
			}
		})
	}
}

// fromStash returns jobs that came when they were not needed.
func (c *Client) fromStash(in reserveCall) (got []*Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.stashes[in.of()] {
		n := min(len(s.jobs), in.Most-len(got))
		got, s.jobs = append(got, s.jobs[:n]...), s.jobs[n:]
	}
	return got
}
