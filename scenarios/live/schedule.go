package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/chaos/monkey"
	"picloud/node/host"
	"picloud/node/host/orders"
	"picloud/node/web"
	"picloud/scenarios"
	"picloud/scenarios/shelf"
)

// keeper is the name before the ending of the socket of who keeps the processes.
const keeper = "keeper"

// kinds returns the kinds of the schedule, each once.
func (c *Config) kinds() (all []chaos.Kind) {
	for i := range c.Schedule {
		if k := c.Schedule[i].Kind; !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

// fits says why the schedule cannot be played.
func (c *Config) fits() error {
	s, err := c.scenario(c.Schedule.End())
	if err != nil {
		return err
	}
	r := run{config: *c, scenario: s, shelf: shelf.Shelf{Folder: "."}}
	aimed := r.aim(shelf.Place{})
	return aimed.Check()
}

// aim says how the cloud of a run is broken. All of its nodes may be out at one time: it is nobody's but the run's.
func (r *run) aim(p shelf.Place) monkey.Config {
	c := monkey.Config{
		Schedule: r.config.Schedule, Topology: r.scenario.ChaosTopology(),
		Members: r.nodes(), MostOut: len(r.nodes()), Kept: r.nodes(),
		Layers: map[string]string{}, Keeper: r.shelf.Socket(keeper), Now: r.now,
	}
	for _, name := range c.Topology.Names() {
		c.Layers[name] = r.shelf.Socket(name)
	}
	for _, name := range r.nodes() {
		c.Steady = append(c.Steady, monkey.Probe{Name: name + " answers", Try: func(ctx context.Context) error {
			var transport http.Transport
			defer transport.CloseIdleConnections()
			if !web.Healthy(ctx, &transport, net.JoinHostPort(p.Addresses[name], p.Ports[1]), web.HealthPath, time.Minute) {
				return errors.New("it does not")
			}
			return nil
		}})
	}
	return c
}

// takeOrders lets the monkey break the processes, and the network of the clients' machines, until it is shut.
func (r *run) takeOrders(p shelf.Place) (shut func(), err error) {
	if len(r.config.Schedule) == 0 {
		return func() {}, nil
	}
	var open []*orders.Server
	shut = func() {
		for _, s := range open {
			_ = s.Close() // all has healed
		}
	}
	server, err := r.keeper.Serve(r.shelf.Socket(keeper))
	if err != nil {
		return nil, err
	}
	open = append(open, server)
	r.layers = map[string]*host.Faulty{}
	for _, m := range r.scenario.MachinesOf(scenarios.RoleClient) {
		r.layers[m.Name] = host.NewFaulty(m.Name, p.Addresses)
		if server, err = r.layers[m.Name].Serve(r.shelf.Socket(m.Name)); err != nil {
			shut()
			return nil, err
		}
		open = append(open, server)
	}
	return shut, nil
}

// breakAll breaks what is to be broken, and returns when nothing is broken any more.
func (r *run) breakAll(ctx context.Context, p shelf.Place) error {
	if len(r.config.Schedule) == 0 {
		r.killAll(ctx, plan(r.config.Seed, r.nodes(), r.config.Kills))
		return nil
	}
	c := r.aim(p)
	note, failed := scenarios.Journal(&r.journal, &c.Topology)
	c.Note = note
	r.wait(ctx, r.config.Limit, func() bool { return r.seen.succeeded() > served })
	if ctx.Err() == nil && r.seen.succeeded() <= served {
		return fmt.Errorf("live: clients were not served within %s: nothing was broken", r.config.Limit)
	}
	var err error
	r.played, err = monkey.Run(ctx, c)
	return errors.Join(err, failed())
}

// served is how many operations succeed before the cloud is taken to be in its steady state.
const served = 100
