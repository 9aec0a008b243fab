package node

import (
	"context"
	"errors"
	"fmt"

	"picloud/node/app"
	"picloud/node/cache"
	"picloud/node/host"
)

// App is an instance of an application that runs on the node.
type App struct {
	Name    string   `yaml:"name"` // also of the service by which load balancers find it
	Port    string   `yaml:"port"`
	Program *Program `yaml:"program"`
	Drain   Duration `yaml:"drain,omitempty"` // 2s if it is left out
	Grace   Duration `yaml:"grace,omitempty"` // for the program to end by itself; 5s if it is left out
}

// Program is a program that serves HTTP on the port that the variable PORT names.
type Program struct {
	Path string            `yaml:"path"`
	Args []string          `yaml:"args,omitempty"`
	Env  map[string]string `yaml:"env,omitempty"`
}

func (a *App) config() app.Config {
	c := app.Config{Name: a.Name, Port: a.Port, Drain: a.Drain.Duration, Grace: a.Grace.Duration}
	if p := a.Program; p != nil {
		c.Program = &host.Program{Path: p.Path, Args: p.Args, Env: p.Env}
	}
	return c
}

func (c *Config) validateApps() error {
	names := map[string]bool{}
	for i := range c.Apps {
		a := &c.Apps[i]
		config := a.config()
		err := config.Validate()
		switch {
		case err != nil:
		case a.Program == nil:
			err = errors.New("it has no program")
		case names[a.Name]:
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
	m, err := app.NewMetrics(n.metrics)
	if err != nil {
		return err
	}
	for i := range n.config.Apps {
		server, err := app.NewServer(n.config.Apps[i].config(), n.host, s, cache.Direct(s), m, nil)
		if err != nil {
			return err
		}
		run("app "+n.config.Apps[i].Name, server.Run)
	}
	return nil
}
