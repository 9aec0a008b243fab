package node

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/cache"
	"picloud/node/lambda"
	"picloud/node/queue"
)

// Lambda is the role that runs functions for jobs that wait in queues.
type Lambda struct {
	AtOnce int            `yaml:"at-once,omitempty"` // runs at one time on the node; 16 if it is left out
	Hold   Duration       `yaml:"hold,omitempty"`    // for how long a job is reserved, again and again; 15s if it is left out
	Grace  Duration       `yaml:"grace,omitempty"`   // for runs to end when the node stops; 5s if it is left out
	Apps   []AppFunctions `yaml:"apps,omitempty"`
	Push   []Push         `yaml:"push,omitempty"`
}

// AppFunctions is an application that is compiled in, and whose functions the node runs.
type AppFunctions struct {
	Name    string            `yaml:"name"`
	Options map[string]string `yaml:"options,omitempty"` // as under apps
}

// Push is a lambda.Push in a file.
type Push struct {
	Queue    string   `yaml:"queue"`
	Kind     string   `yaml:"kind"`
	Service  string   `yaml:"service"`
	Path     string   `yaml:"path,omitempty"`
	Deadline Duration `yaml:"deadline,omitempty"`
	AtOnce   int      `yaml:"at-once,omitempty"`
}

func (c *Lambda) config() lambda.Config {
	config := lambda.Config{AtOnce: c.AtOnce, Hold: c.Hold.Duration, Grace: c.Grace.Duration}
	for _, p := range c.Push {
		config.Push = append(config.Push, lambda.Push{Queue: p.Queue, Kind: p.Kind, Service: p.Service, Path: p.Path,
			Deadline: p.Deadline.Duration, AtOnce: p.AtOnce})
	}
	return config
}

func (c *Config) validateLambda() error {
	names := map[string]bool{}
	for i, a := range c.Lambda.Apps {
		_, err := c.compiledIn(a.Name)
		if err == nil && names[a.Name] {
			err = fmt.Errorf("%s stands there twice", a.Name)
		}
		if err != nil {
			return fmt.Errorf("node: lambda.apps[%d]: %w", i, err)
		}
		names[a.Name] = true
	}
	if len(c.Lambda.Apps)+len(c.Lambda.Push) == 0 {
		return errors.New("node: lambda: it has applications whose functions it runs, or programs to push to")
	}
	config := c.Lambda.config()
	return config.Validate()
}

// beginLambda starts what runs functions.
func (n *node) beginLambda(run func(string, func(context.Context) error)) error {
	s, err := n.client()
	if err != nil {
		return err
	}
	read, err := n.reader(run)
	if err != nil {
		return err
	}
	guard, err := n.guard(run)
	if err != nil {
		return err
	}
	config := n.config.Lambda.config()
	for _, a := range n.config.Lambda.Apps {
		functions, err := n.functionsOf(a, s, read, guard)
		if err != nil {
			return fmt.Errorf("node: lambda: %s: %w", a.Name, err)
		}
		config.Functions = append(config.Functions, functions...)
	}
	jobs := queue.NewClient(n.host.Network, s, n.host.Log)
	server, err := lambda.New(config, jobs, n.host.Network, n.metrics, n.host.Log)
	if err != nil {
		return err
	}
	n.lambda = server
	run("lambda", func(ctx context.Context) error {
		var all sync.WaitGroup
		defer all.Wait()
		known, end := context.WithCancel(context.WithoutCancel(ctx)) // until runs have ended
		defer end()
		all.Go(func() { jobs.Run(known) })
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		n.proof.WhenCondemned(stop) // others do the jobs: what functions write lasts
		return server.Run(ctx, s)
	})
	return nil
}

// functionsOf makes an application for its functions.
func (n *node) functionsOf(a AppFunctions, s api.Store, read cache.Reader, guard abuse.Guard) ([]lambda.Function, error) {
	create, err := n.config.compiledIn(a.Name)
	if err != nil {
		return nil, err
	}
	h := n.host
	made, err := create(app.Kit{Node: h.Name, Store: s, Cache: read, Abuse: guard, Proof: n.proof, Network: h.Network, Effort: h.Effort, Log: h.Log.With("app", a.Name),
		Metrics: app.MetricsOf(n.metrics, "lambda"), Options: a.Options})
	if err != nil {
		return nil, err
	}
	return made.Functions(), nil
}
