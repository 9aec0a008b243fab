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
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/db"
	"picloud/node/host"
	"picloud/node/store"
)

// stopLimit is how long requests under way have to end when the node stops.
const stopLimit = 5 * time.Second

// Run runs a node until the context ends or it cannot go on. What it was doing when the context ends is
// brought to an end, and what it leads is handed over.
func Run(ctx context.Context, h *host.Host, c *Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	n := &node{host: h, config: c, metrics: prometheus.NewRegistry()}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var failed []error
	var mu sync.Mutex
	run := func(role string, serve func(context.Context) error) {
		all.Go(func() {
			if err := serve(ctx); err != nil && ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("node: %s: %w", role, err))
				cancel(err)
			}
		})
	}
	err := n.begin(ctx, run)
	if err != nil {
		cancel(err)
	}
	all.Wait()
	return errors.Join(err, errors.Join(failed...), n.close())
}

// node is a node that runs.
type node struct {
	host    *host.Host
	config  *Config
	metrics *prometheus.Registry
	closers []func() error // in the order in which things were opened
}

func (n *node) close() error {
	var err error
	for i := len(n.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, n.closers[i]())
	}
	return err
}

// begin starts the roles. What it has started ends with the context that run gives it.
func (n *node) begin(ctx context.Context, run func(role string, serve func(context.Context) error)) error {
	if c := n.config.Store; c != nil {
		s, err := store.Open(ctx, n.host, n.config.store(n.host.Name))
		if err != nil {
			return err
		}
		n.closers = append(n.closers, s.Close)
		if err := n.metrics.Register(s); err != nil {
			return fmt.Errorf("node: metrics of the store: %w", err)
		}
		run("store", s.Run)
	}
	if n.host.Meter != nil {
		if err := n.metrics.Register(newUsage(n.host)); err != nil {
			return fmt.Errorf("node: metrics of the machine: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	if n.config.Monitor != nil {
		if err := n.beginMonitor(mux, run); err != nil {
			return err
		}
	}
	if n.config.DB != nil {
		if err := n.beginDB(mux, run); err != nil {
			return err
		}
	}
	l, err := n.host.Network.Listen("tcp", net.JoinHostPort("", n.config.HTTP))
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	run("http", func(ctx context.Context) error { return n.serveHTTP(ctx, l, mux) })
	return nil
}

// beginDB starts the database, which is a client of the store on all nodes.
func (n *node) beginDB(mux *http.ServeMux, run func(string, func(context.Context) error)) error {
	c := n.config.DB
	s, err := client.New(n.host.Network, client.Config{Nodes: n.config.Nodes, Port: n.config.StorePort})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, func() error { s.Close(); return nil })
	d, err := db.New(c.Config, api.Store(s), n.metrics, n.host.Log)
	if err != nil {
		return err
	}
	mux.Handle("/", d.Handler())
	if c.RESP == "" {
		return nil
	}
	l, err := n.host.Network.Listen("tcp", net.JoinHostPort("", c.RESP))
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	run("resp", func(ctx context.Context) error { return d.ServeRESP(ctx, l) })
	return nil
}

// serveHTTP serves until the context ends, and then waits for requests under way.
func (n *node) serveHTTP(ctx context.Context, l net.Listener, handler http.Handler) error {
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return base }}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		defer time.AfterFunc(stopLimit/4, end).Stop() // of change feeds, which have no end of their own
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		stopped <- server.Shutdown(limited)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
