package lambda

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/queue"
	"picloud/node/wait"
)

// desk is a queue in few lines: jobs in memory, reserved for a time by a token. It writes down what is done with them.
type desk struct {
	mu      sync.Mutex
	more    chan struct{} // closed when a job is there, and replaced
	jobs    []*card
	token   uint64
	asked   []string // queues and how many jobs were asked of them, without repetitions
	log     []string // how attempts ended
	trouble func(ctx context.Context, call string) *fault
}

// card is a job on the desk.
type card struct {
	queue.Delivery
	until time.Time // reserved until then
	ended bool
}

// fault is an error that a call returns; after says that it takes effect nevertheless.
type fault struct {
	err   error
	after bool
}

var _ queue.Source = (*desk)(nil)

func newDesk() *desk { return &desk{more: make(chan struct{})} }

func (d *desk) put(jobs ...queue.Job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, j := range jobs {
		d.jobs = append(d.jobs, &card{Delivery: queue.Delivery{Job: j, ID: fmt.Sprintf("%s-%d", j.Kind, len(d.jobs)+1), Partition: "home:00"}})
	}
	close(d.more)
	d.more = make(chan struct{})
}

// Reserve looks for jobs whenever there are new ones, and every second.
func (d *desk) Reserve(ctx context.Context, queues []string, most int, hold time.Duration) ([]*queue.Delivery, error) {
	if f := d.fault(ctx, "reserve"); f != nil {
		return nil, f.err
	}
	if ask := fmt.Sprint(queues, most); len(d.asks()) == 0 || d.lastAsk() != ask {
		d.mu.Lock()
		d.asked = append(d.asked, ask)
		d.mu.Unlock()
	}
	for {
		got, more := d.take(queues, most, hold)
		if len(got) > 0 {
			return got, nil
		}
		select {
		case <-more:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, nil
		}
	}
}

func (d *desk) asks() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func (d *desk) lastAsk() string {
	all := d.asks()
	return all[len(all)-1]
}

func (d *desk) take(queues []string, most int, hold time.Duration) (got []*queue.Delivery, more chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.jobs {
		if len(got) < most && !c.ended && time.Now().After(c.until) && slices.Contains(queues, c.Job.Queue) {
			d.token++
			c.Token, c.Attempt, c.until = d.token, c.Attempt+1, time.Now().Add(hold)
			mine := c.Delivery
			mine.Keeper = d
			got = append(got, &mine)
		}
	}
	return got, d.more
}

func (d *desk) fault(ctx context.Context, call string) *fault {
	d.mu.Lock()
	trouble := d.trouble
	d.mu.Unlock()
	if trouble == nil {
		return nil
	}
	return trouble(ctx, call)
}

// change does something with a job that is still reserved for whoever asks.
func (d *desk) change(ctx context.Context, call string, of *queue.Delivery, do func(*card) error) error {
	f := d.fault(ctx, call)
	if f != nil && !f.after {
		return f.err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.jobs {
		if c.ID == of.ID && c.Token == of.Token && !c.ended && time.Now().Before(c.until) {
			if err := do(c); err != nil {
				return err
			}
			if f != nil {
				return f.err
			}
			return nil
		}
	}
	return api.Errorf(api.NotFound, "use the reservation", of.ID, "it is over")
}

func (d *desk) note(c *card, how string, a ...any) {
	d.log = append(d.log, fmt.Sprintf("%s %d: ", c.ID, c.Attempt)+fmt.Sprintf(how, a...))
}

func (d *desk) Heartbeat(ctx context.Context, of *queue.Delivery, hold time.Duration) error {
	return d.change(ctx, "heartbeat", of, func(c *card) error { c.until = time.Now().Add(hold); return nil })
}

func (d *desk) Done(ctx context.Context, of *queue.Delivery, e *queue.Effect) error {
	return d.change(ctx, "done", of, func(c *card) error {
		for _, o := range e.Then {
			if o.Kind == "nonsense" {
				return api.Errorf(api.BadRequest, "write an effect", o.Key, "there is no operation of this kind")
			}
		}
		c.ended = true
		d.note(c, "done, wrote %d", len(e.Then))
		return nil
	})
}

func (d *desk) Fail(ctx context.Context, of *queue.Delivery, why string) error {
	return d.change(ctx, "fail", of, func(c *card) error {
		c.until = time.Now().Add(10 * time.Minute)
		c.Token = 0
		d.note(c, "failed: %s", why)
		return nil
	})
}

func (d *desk) Release(ctx context.Context, of *queue.Delivery) error {
	return d.change(ctx, "release", of, func(c *card) error {
		c.until, c.Token = time.Time{}, 0
		d.note(c, "released")
		c.Attempt--
		return nil
	})
}

// ends returns how attempts have ended so far.
func (d *desk) ends() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// slow makes a trouble of calls that take their time, and fail if it is not given to them.
func slow(calls map[string]time.Duration) func(context.Context, string) *fault {
	return func(ctx context.Context, call string) *fault {
		if !wait.For(ctx, calls[call]) {
			return &fault{err: api.Errorf(api.Unavailable, call, "", "%s", ctx.Err())}
		}
		return nil
	}
}
