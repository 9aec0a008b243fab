// Package node puts a node together from its configuration: which roles it has, and what each stands on. The
// same node runs on real machines and on simulated ones; what differs is the host.Host that it is given.
package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/hw"
	"picloud/hw/telemetry"
	"picloud/node/abuse"
	"picloud/node/alerts"
	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/client"
	"picloud/node/db"
	"picloud/node/host"
	"picloud/node/lambda"
	"picloud/node/presence"
	"picloud/node/proof"
	"picloud/node/store"
	"picloud/node/web"
)

// Run runs a node until the context ends or it cannot go on. What it was doing when the context ends is
// brought to an end, and what it leads is handed over. That a node is fenced is no error: whoever starts it again when it fails need not.
func Run(ctx context.Context, h *host.Host, c *Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	asked := ctx
	n := &node{host: h, config: c, metrics: prometheus.NewRegistry(), stance: &presence.Stance{}}
	n.asked = func() bool { return asked.Err() != nil || n.fenced.Load() }
	ctx, cancel := context.WithCancelCause(presence.With(ctx, n.stance))
	defer cancel(nil)
	kept, end := context.WithCancel(context.WithoutCancel(ctx)) // the store, for roles that say in it that they end
	defer end()
	var failed []error
	var mu sync.Mutex
	runner := func(ctx context.Context, all *sync.WaitGroup) runs {
		return func(role string, serve func(context.Context) error) {
			all.Go(func() {
				if err := serve(ctx); err != nil && ctx.Err() == nil {
					mu.Lock()
					defer mu.Unlock()
					failed = append(failed, fmt.Errorf("node: %s: %w", role, err))
					cancel(err)
				}
			})
		}
	}
	var all, last sync.WaitGroup
	err := n.begin(ctx, runner(ctx, &all), runner(kept, &last))
	if err != nil {
		cancel(err)
	}
	all.Wait()
	<-ctx.Done() // a node may have the store alone
	end()
	last.Wait()
	err = errors.Join(err, errors.Join(failed...), n.close())
	if f, is := errors.AsType[*fenced](err); is {
		h.Log.Error("the node is fenced: it ends, and is not to be started again with this card", "why", f.why, "error", err.Error())
		return nil
	}
	return err
}

// runs runs a role until it is to end.
type runs func(role string, serve func(context.Context) error)

// node is a node that runs.
type node struct {
	host    *host.Host
	config  *Config
	metrics *prometheus.Registry
	asked   func() bool    // whether it was asked to stop
	fenced  atomic.Bool    // it ends for good
	closers []func() error // in the order in which things were opened
	store   *client.Client // of the cloud, once a role needs it
	cache   *cache.Client  // of the cloud, once a role needs it
	abuse   *abuse.Client  // of the cloud, once a role needs it
	monitor *alerts.Monitor
	stance  *presence.Stance // of all instances on the node
	lambda  *lambda.Server   // if it has that role
	proof   *proof.Checker   // of the processor; nil without the role

	board   hw.Board           // nil if the machine has no hardware
	sampler *telemetry.Sampler // of the board
}

func (n *node) close() error {
	var err error
	for i := len(n.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, n.closers[i]())
	}
	return err
}

// begin starts the roles. What it has started ends with the context that run gives it, and the store with that of last.
func (n *node) begin(ctx context.Context, run, last runs) error {
	if err := n.mayStart(); err != nil {
		return err
	}
	if err := n.beginBoard(run); err != nil {
		return err
	}
	if err := n.surrender(ctx); err != nil {
		return err
	}
	var s *store.Store
	if c := n.config.Store; c != nil {
		var err error
		if s, err = store.Open(ctx, n.host, n.config.store(n.host.Name)); err != nil {
			return err
		}
		n.closers = append(n.closers, s.Close)
		if err := n.metrics.Register(s); err != nil {
			return fmt.Errorf("node: metrics of the store: %w", err)
		}
		last("store", s.Run)
	}
	for _, c := range life() {
		if err := n.metrics.Register(c); err != nil {
			return fmt.Errorf("node: metrics of its life: %w", err)
		}
	}
	if n.host.Meter != nil {
		if err := n.metrics.Register(newUsage(n.host)); err != nil {
			return fmt.Errorf("node: metrics of the machine: %w", err)
		}
	}
	mux := n.mux()
	if n.config.Monitor != nil {
		if err := n.beginMonitor(mux, run); err != nil {
			return err
		}
	}
	if n.config.DB != nil {
		if err := n.beginDB(mux, run); err != nil {
			return err
		}
	} else {
		mux.HandleFunc("/", nothing)
	}
	if err := n.beginTiers(run); err != nil {
		return err
	}
	if n.config.Health != nil {
		if err := n.beginHealth(mux, s, run); err != nil {
			return err
		}
	}
	l, err := n.listen(n.config.HTTP)
	if err != nil {
		return err
	}
	run("http", func(ctx context.Context) error { return web.Serve(ctx, l, mux) })
	return n.beginWatchdog(s, run)
}

// beginTiers starts the roles that are clients of the store.
func (n *node) beginTiers(run runs) error {
	c := n.config
	for _, role := range []struct {
		has   bool
		begin func(func(string, func(context.Context) error)) error
	}{
		{c.LB != nil, n.beginLB},
		{c.Cache != nil, n.beginCache},
		{c.Queue != nil, n.beginQueue},
		{c.Abuse != nil, n.beginAbuse},
		{c.Proof != nil, n.beginProof},
		{len(c.Apps) > 0, n.beginApps},
		{c.Lambda != nil, n.beginLambda},
	} {
		if !role.has {
			continue
		}
		if err := role.begin(run); err != nil {
			return err
		}
	}
	return nil
}

// client returns the client of the store that all roles of the node share.
func (n *node) client() (*client.Client, error) {
	if n.store == nil {
		s, err := client.New(n.host.Network, client.Config{Nodes: n.config.Nodes, Port: n.config.StorePort})
		if err != nil {
			return nil, err
		}
		n.store = s
		n.closers = append(n.closers, func() error { s.Close(); return nil })
	}
	return n.store, nil
}

// listen listens on a port of the machine.
func (n *node) listen(port string) (net.Listener, error) {
	l, err := n.host.Network.Listen("tcp", net.JoinHostPort("", port))
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	return l, nil
}

// beginDB starts the database, which is a client of the store on all nodes.
func (n *node) beginDB(mux *http.ServeMux, run func(string, func(context.Context) error)) error {
	c := n.config.DB
	s, err := n.client()
	if err != nil {
		return err
	}
	d, err := db.New(c.Config, api.Store(s), n.metrics, n.host.Log)
	if err != nil {
		return err
	}
	mux.Handle("/", d.Handler())
	if c.RESP == "" {
		return nil
	}
	l, err := n.listen(c.RESP)
	if err != nil {
		return err
	}
	run("resp", func(ctx context.Context) error { return d.ServeRESP(ctx, l) })
	return nil
}
