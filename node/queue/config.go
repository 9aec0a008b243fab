package queue

import (
	"cmp"
	"fmt"
	"time"

	"picloud/node/api"
)

// Queue is a queue as its servers treat it. The zero value of a field but the first two is its default.
type Queue struct {
	Name       string
	Partitions api.Partitions // of the application whose data the jobs are about

	Hold        time.Duration // how long a worker that says nothing keeps a job; 30 s
	Attempts    int           // of a job that does not say it for itself; 8
	Backoff     time.Duration // after the first attempt that failed; 1 s
	BackoffMost time.Duration // after any; 10 min
	DeadFor     time.Duration // how long the dead are kept, at most MaxDeadFor; 14 days
}

// Config is a queue server's configuration. All servers of a cloud have the same queues.
type Config struct {
	Port   string // for HTTP
	Queues []Queue

	Window      int           // ready jobs that are known by priority and tenant of a queue in a partition; 256
	WindowBytes int           // that they have together, of a queue in a partition; 4 MiB
	MostWait    time.Duration // that a request may wait for jobs; 60 s
	Drain       time.Duration // between saying that it ends and serving no more; 1 s
}

func (q Queue) withDefaults() Queue {
	q.Hold = cmp.Or(q.Hold, 30*time.Second)
	q.Attempts = cmp.Or(q.Attempts, 8)
	q.Backoff = cmp.Or(q.Backoff, time.Second)
	q.BackoffMost = max(cmp.Or(q.BackoffMost, 10*time.Minute), q.Backoff)
	q.DeadFor = cmp.Or(q.DeadFor, MaxDeadFor)
	return q
}

func (c Config) withDefaults() Config {
	c.Window = cmp.Or(c.Window, 256)
	c.WindowBytes = cmp.Or(c.WindowBytes, 4<<20)
	c.MostWait = cmp.Or(c.MostWait, time.Minute)
	c.Drain = cmp.Or(c.Drain, time.Second)
	queues := make([]Queue, len(c.Queues))
	for i := range c.Queues {
		queues[i] = c.Queues[i].withDefaults()
	}
	c.Queues = queues
	return c
}

// MaxDeadFor is how long the dead are kept at most: what runs jobs remembers longer than that what a job has done, as it may be made to
// run again until then.
const MaxDeadFor = 14 * 24 * time.Hour

// leastHold is what the group's clock can count.
const leastHold = time.Second

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	if len(c.Queues) == 0 {
		return fmt.Errorf("queue: there are no queues")
	}
	seen := map[string]bool{}
	for i := range c.Queues {
		q := &c.Queues[i]
		if err := q.validate(); err != nil {
			return fmt.Errorf("queue: queues[%d]: %w", i, err)
		}
		if seen[q.Name] {
			return fmt.Errorf("queue: queues[%d]: %s stands there twice", i, q.Name)
		}
		seen[q.Name] = true
	}
	switch {
	case c.Window < 0 || c.Window > 10_000:
		return fmt.Errorf("queue: a window has 1 to 10000 jobs, not %d", c.Window)
	case c.WindowBytes < 0 || c.WindowBytes > 1<<30:
		return fmt.Errorf("queue: a window has 1 to %d bytes, not %d", 1<<30, c.WindowBytes)
	case c.MostWait < 0 || c.MostWait > 10*time.Minute || c.Drain < 0:
		return fmt.Errorf("queue: a wait of %s or %s is negative or over 10m", c.MostWait, c.Drain)
	}
	return nil
}

func (q *Queue) validate() error {
	if !validName(q.Name) {
		return fmt.Errorf("a queue is 1 to %d of a-z, 0-9, - and _, not %.80q", maxName, q.Name)
	}
	if err := q.Partitions.Validate(); err != nil {
		return err
	}
	if err := validPartition(q.Partitions.All()[0]); err != nil {
		return err
	}
	switch {
	case q.Hold != 0 && q.Hold < leastHold || q.Hold > MaxHold:
		return fmt.Errorf("a hold is %s to %s, not %s", leastHold, MaxHold, q.Hold)
	case q.Attempts < 0 || q.Attempts > MaxAttempts:
		return fmt.Errorf("a job has 1 to %d attempts, not %d", MaxAttempts, q.Attempts)
	case min(q.Backoff, q.BackoffMost) < 0 || max(q.Backoff, q.BackoffMost) > MaxDelay:
		return fmt.Errorf("a backoff is 0 to %s, not %s and %s", MaxDelay, q.Backoff, q.BackoffMost)
	case q.DeadFor != 0 && q.DeadFor < time.Second || q.DeadFor > MaxDeadFor:
		return fmt.Errorf("the dead are kept for %s to %s, not %s", time.Second, MaxDeadFor, q.DeadFor)
	}
	return nil
}
