package node

import (
	"cmp"
	"context"
	"fmt"

	"picloud/node/api"
	"picloud/node/queue"
)

// Queue is the role that hands out the jobs that wait in queues. All nodes that have it have the same queues.
type Queue struct {
	Port   string      `yaml:"port"` // for HTTP; 9100 if it is left out
	Queues []WorkQueue `yaml:"queues"`

	Window      int      `yaml:"window,omitempty"`
	WindowBytes int      `yaml:"window-bytes,omitempty"`
	Drain       Duration `yaml:"drain,omitempty"` // 1s if it is left out
}

// WorkQueue is a queue.Queue in a file.
type WorkQueue struct {
	Name        string   `yaml:"name"`
	Namespace   string   `yaml:"namespace"`  // of the application whose data the jobs are about
	Partitions  int      `yaml:"partitions"` // over which the application spreads; one that is compiled in says it itself
	Hold        Duration `yaml:"hold,omitempty"`
	Attempts    int      `yaml:"attempts,omitempty"`
	Backoff     Duration `yaml:"backoff,omitempty"`
	BackoffMost Duration `yaml:"backoff-most,omitempty"`
	DeadFor     Duration `yaml:"dead-for,omitempty"`
}

func (c *Queue) config() queue.Config {
	config := queue.Config{Port: c.Port, Window: c.Window, WindowBytes: c.WindowBytes, Drain: c.Drain.Duration}
	for _, q := range c.Queues {
		config.Queues = append(config.Queues, queue.Queue{Name: q.Name, Partitions: api.Partitions{Namespace: q.Namespace, Count: q.Partitions},
			Hold: q.Hold.Duration, Attempts: q.Attempts, Backoff: q.Backoff.Duration, BackoffMost: q.BackoffMost.Duration, DeadFor: q.DeadFor.Duration})
	}
	return config
}

// validate puts defaults where nothing stands, and says what is wrong.
func (c *Queue) validate() error {
	c.Port = cmp.Or(c.Port, "9100")
	for i := range c.Queues {
		q := &c.Queues[i]
		spread, known := spreads()[q.Namespace]
		if !known {
			continue
		}
		if q.Partitions = cmp.Or(q.Partitions, spread); q.Partitions != spread {
			return fmt.Errorf("queue: queues[%d]: %s spreads over %d partitions, and its queue over as many, not over %d", i, q.Namespace, spread, q.Partitions)
		}
	}
	config := c.config()
	return config.Validate()
}

// beginQueue starts the queue server, which others find through the store.
func (n *node) beginQueue(run func(string, func(context.Context) error)) error {
	s, err := n.client()
	if err != nil {
		return err
	}
	q, err := queue.New(n.config.Queue.config(), n.host.Name, s, n.metrics, n.host.Log)
	if err != nil {
		return err
	}
	l, err := n.listen(n.config.Queue.Port)
	if err != nil {
		return err
	}
	run("queue", func(ctx context.Context) error { return q.Run(ctx, l) })
	return nil
}
