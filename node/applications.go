package node

import (
	"context"
	"fmt"

	"picloud/node/app"
	"picloud/node/host"
	"picloud/node/pinboard"
)

// applications returns the applications that are compiled in, by their names.
func applications() map[string]app.New {
	return map[string]app.New{"pinboard": pinboard.New}
}

// spreads returns over how many partitions the applications that are compiled in spread, by their namespaces.
func spreads() map[string]int {
	p := pinboard.Partitions()
	return map[string]int{p.Namespace: p.Count}
}

// App is an instance of an application that runs on the node. One without a program is compiled in.
type App struct {
	Name    string            `yaml:"name"` // also of the service by which load balancers find it
	Port    string            `yaml:"port"`
	Program *Program          `yaml:"program,omitempty"`
	Options map[string]string `yaml:"options,omitempty"` // for an application that is compiled in, which says what it knows
	Drain   Duration          `yaml:"drain,omitempty"`   // 2s if it is left out
	Grace   Duration          `yaml:"grace,omitempty"`   // for the program to end by itself; 5s if it is left out
}

// Program is a program that serves HTTP on the port that the variable PORT names.
type Program struct {
	Path string            `yaml:"path"`
	Args []string          `yaml:"args,omitempty"`
	Env  map[string]string `yaml:"env,omitempty"`
}

func (a *App) config() app.Config {
	c := app.Config{Name: a.Name, Port: a.Port, Options: a.Options, Drain: a.Drain.Duration, Grace: a.Grace.Duration}
	if p := a.Program; p != nil {
		c.Program = &host.Program{Path: p.Path, Args: p.Args, Env: p.Env}
	}
	return c
}

// compiledIn returns how an application is made that is compiled in.
func (c *Config) compiledIn(name string) (app.New, error) {
	known := c.applications
	if known == nil {
		known = applications()
	}
	if create := known[name]; create != nil {
		return create, nil
	}
	return nil, fmt.Errorf("no application %.80q is compiled in", name)
}

func (c *Config) validateApps() error {
	names := map[string]bool{}
	for i := range c.Apps {
		a := &c.Apps[i]
		config := a.config()
		err := config.Validate()
		if err == nil && a.Program == nil {
			if _, err = c.compiledIn(a.Name); err != nil {
				err = fmt.Errorf("it has no program, and %w", err)
			}
		}
		if err == nil && names[a.Name] {
			err = fmt.Errorf("%s stands there twice", a.Name)
		}
		if err != nil {
			return fmt.Errorf("node: apps[%d]: %w", i, err)
		}
		names[a.Name] = true
	}
	return nil
}

// beginApps starts the applications, which load balancers find through the store.
func (n *node) beginApps(run func(string, func(context.Context) error)) error {
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
	m, err := app.NewMetrics(n.metrics)
	if err != nil {
		return err
	}
	for i := range n.config.Apps {
		a := &n.config.Apps[i]
		var create app.New
		if a.Program == nil {
			if create, err = n.config.compiledIn(a.Name); err != nil {
				return err
			}
		}
		server, err := app.NewServer(a.config(), n.host, s, read, guard, n.proof, m, create)
		if err != nil {
			return err
		}
		run("app "+a.Name, server.Run)
	}
	return nil
}
