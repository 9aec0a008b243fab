package app

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/proof"
	"picloud/node/wait"
	"picloud/node/web"
	"picloud/node/wire"
)

// Server runs an instance of an application.
type Server struct {
	config  Config
	host    *host.Host
	store   api.Store
	app     App // nil for a program
	proof   *proof.Checker
	metrics *metrics
}

// The times of an instance.
const (
	lookEvery  = time.Second            // for its health
	lookLimit  = time.Second            // for it to answer
	againFirst = 200 * time.Millisecond // until what has ended is run again, the first time
	againMost  = 30 * time.Second
	longRun    = time.Minute // what has run for that long is run again as if it were the first time
)

// NewServer returns an instance on a machine. Create is nil for a program of its own.
func NewServer(c Config, h *host.Host, store api.Store, read cache.Reader, guard abuse.Guard, checker *proof.Checker, m *Metrics, create New) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{config: c.withDefaults(), host: h, store: store, proof: checker, metrics: m.of(c.Name)}
	switch {
	case (create == nil) != (c.Program != nil):
		return nil, fmt.Errorf("app: %s: it is a program of its own, or compiled in", c.Name)
	case create == nil && h.Processes == nil:
		return nil, fmt.Errorf("app: %s: this machine starts no programs", c.Name)
	case create == nil:
		return s, nil
	}
	log := h.Log.With("app", c.Name)
	var err error
	if s.app, err = create(Kit{Node: h.Name, Store: store, Cache: read, Abuse: guard, Proof: checker, Network: h.Network, Effort: h.Effort, Log: log,
		Metrics: MetricsOf(m.registerer, "app"), Options: c.Options}); err != nil {
		return nil, fmt.Errorf("app: %s: %w", c.Name, err)
	}
	return s, nil
}

// Run runs the instance until the context ends: it drains then, and ends what it has begun.
func (s *Server) Run(ctx context.Context) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	failed := make(chan error, 1)
	run := func(f func(context.Context) error) {
		all.Go(func() {
			if err := f(serving); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if s.app != nil {
		l, err := s.host.Network.Listen("tcp", net.JoinHostPort("", s.config.Port))
		if err != nil {
			stop()
			return fmt.Errorf("app: %s: %w", s.config.Name, err)
		}
		run(func(ctx context.Context) error { return web.Serve(ctx, wire.Detect(l), s.handler()) })
		run(func(ctx context.Context) error { s.again(ctx, "run", s.app.Run); return nil })
	} else {
		run(func(ctx context.Context) error { s.again(ctx, "program", s.program); return nil })
	}
	drain := make(chan struct{})
	begin := sync.OnceFunc(func() { close(drain) })
	s.proof.WhenCondemned(begin)
	all.Go(func() { s.announce(serving, drain) })
	var err error
	select {
	case <-ctx.Done():
		begin()
		select {
		case <-time.After(s.config.Drain): // load balancers hear of it
		case err = <-failed:
		}
	case err = <-failed:
	}
	stop()
	all.Wait()
	return err
}

// again does something over and over until the context ends, with a wait that grows while it fails soon.
func (s *Server) again(ctx context.Context, what string, do func(context.Context) error) {
	pause := againFirst
	for ctx.Err() == nil {
		began := time.Now()
		err := s.guard(func() error { return do(ctx) })
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longRun {
			pause = againFirst
		}
		s.metrics.restarts.Inc()
		s.host.Log.ErrorContext(ctx, "an application's part has ended and is run again", "app", s.config.Name, "part", what, "after", pause, "error", err)
		wait.For(ctx, pause/2+rand.N(pause))
		pause = min(2*pause, againMost)
	}
}

// guard makes an error of a panic.
func (s *Server) guard(do func() error) (err error) {
	defer func() {
		if why := recover(); why != nil {
			s.metrics.panics.Inc()
			err = fmt.Errorf("panic: %v\n%s", why, debug.Stack())
		}
	}()
	return do()
}

// program starts the program and waits for its end.
func (s *Server) program(ctx context.Context) error {
	p := *s.config.Program
	p.Env = map[string]string{}
	maps.Copy(p.Env, s.config.Program.Env)
	p.Env["PORT"] = s.config.Port
	running, err := s.host.Processes.Start(p)
	if err != nil {
		return err
	}
	status, err := running.Wait(ctx)
	if ctx.Err() == nil {
		if err == nil {
			err = fmt.Errorf("exit status %d", status)
		}
		return err
	}
	if err := running.End(s.config.Grace); err != nil {
		return err
	}
	_, err = running.Wait(context.WithoutCancel(ctx))
	return err
}

// announce makes the instance known for as long as it is well.
func (s *Server) announce(ctx context.Context, drain chan struct{}) {
	i := presence.Instance{Service: s.config.Name, ID: fmt.Sprintf("%s-%08x", s.host.Name, rand.Uint32()),
		Address: net.JoinHostPort(s.host.Name, s.config.Port), Checked: s.app != nil}
	for ctx.Err() == nil {
		if !s.well(ctx) {
			wait.For(ctx, lookEvery)
			continue
		}
		known, end := context.WithCancel(ctx)
		var all sync.WaitGroup
		all.Go(func() { _ = presence.Announce(known, s.store, s.host.Log, i, drain) }) // it is valid
		for misses := 0; misses < 3 && wait.For(ctx, lookEvery); misses++ {
			if s.well(ctx) {
				misses = -1
			}
		}
		end()
		all.Wait()
	}
}

// well asks the instance over the network, as a load balancer does.
func (s *Server) well(ctx context.Context) bool {
	transport := &http.Transport{DialContext: s.host.Network.DialContext, DisableKeepAlives: true}
	return web.Healthy(ctx, transport, net.JoinHostPort(s.host.Name, s.config.Port), web.HealthPath, lookLimit)
}
