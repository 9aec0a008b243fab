package lambda

import (
	"cmp"
	"fmt"
	"time"
)

// Config is what a node runs, and how.
type Config struct {
	Functions []Function // of applications that are compiled in
	Push      []Push     // of programs

	AtOnce int           // runs at one time on the node; 16 if zero
	Hold   time.Duration // for how long a job is reserved, again and again while it runs; 15 s if zero
	Grace  time.Duration // for runs to end when the node stops; 5 s if zero
}

func (c Config) withDefaults() Config {
	c.AtOnce = cmp.Or(c.AtOnce, 16)
	c.Hold = cmp.Or(c.Hold, 15*time.Second)
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	return c
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	known := map[name]bool{}
	for i := range c.Functions {
		f := &c.Functions[i]
		if err := f.validate(); err != nil {
			return fmt.Errorf("lambda: the function %s of the queue %s: %w", f.Kind, f.Queue, err)
		}
		if err := note(known, f.Queue, f.Kind); err != nil {
			return err
		}
	}
	for i := range c.Push {
		p := &c.Push[i]
		if err := p.validate(); err != nil {
			return fmt.Errorf("lambda: push[%d]: %w", i, err)
		}
		if err := note(known, p.Queue, p.Kind); err != nil {
			return err
		}
	}
	switch {
	case c.AtOnce < 0 || c.AtOnce > mostAtOnce:
		return fmt.Errorf("lambda: a node has 1 to %d runs at once, not %d", mostAtOnce, c.AtOnce)
	case c.Hold < 0 || c.Hold > 0 && c.Hold < time.Second || c.Hold > time.Hour:
		return fmt.Errorf("lambda: a job is reserved for 1 s to 1 h, not %s", c.Hold)
	case c.Grace < 0:
		return fmt.Errorf("lambda: the grace is negative")
	}
	return nil
}

func note(known map[name]bool, queue, kind string) error {
	n := name{queue, kind}
	if known[n] {
		return fmt.Errorf("lambda: there are two functions for the kind %s of the queue %s", kind, queue)
	}
	known[n] = true
	return nil
}
