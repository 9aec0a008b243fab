package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/queue"
	"picloud/node/wait"
)

// Server runs functions on a node.
type Server struct {
	config  Config
	source  queue.Source
	push    *pusher
	slots   *slots
	log     *slog.Logger
	metrics *metrics
}

// The times of a node that stops, and of one that gets no jobs.
const (
	giveBack = 2 * time.Second  // for what did not end within the grace to be given back
	again    = time.Second      // between a failed call for jobs and the next
	inVain   = 10 * time.Second // of one call at most: for so long a silent server is asked, and before others may have been well
)

// errStopped ends runs that did not end within the grace.
var errStopped = errors.New("the node stops")

// New returns a server. It reaches programs by the network.
func New(c Config, source queue.Source, network host.Network, registerer prometheus.Registerer, log *slog.Logger) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	s := &Server{config: c, source: source, push: newPusher(network), slots: newSlots(c.AtOnce), log: log, metrics: newMetrics(c.AtOnce)}
	for _, f := range c.Functions {
		s.add(f, nil)
	}
	for _, p := range c.Push {
		s.add(s.push.function(p), s.push.service(p.Service).ready)
	}
	if len(s.slots.functions) == 0 {
		return nil, errors.New("lambda: there are no functions")
	}
	if err := registerer.Register(s); err != nil {
		return nil, fmt.Errorf("lambda: register metrics: %w", err)
	}
	return s, nil
}

func (s *Server) add(f Function, ready func() bool) {
	f = f.withDefaults()
	s.slots.functions[name{f.Queue, f.Kind}] = &function{Function: f, ready: ready, metrics: s.metrics.know(&f)}
}

// Want bounds how many of the runs that the node can have at one time it has: a share of them, or none.
func (s *Server) Want(w presence.Wants) { s.slots.want(w) }

// Run runs functions until the context ends: it takes no jobs then, lets runs end within the grace, and gives back
// what has not. Programs are found in the store.
func (s *Server) Run(ctx context.Context, store api.Store) error {
	s.run(ctx, func(service string, tell func([]presence.Instance)) {
		presence.Follow(ctx, store, s.log, service, tell)
	})
	return nil
}

// run is Run with a way to follow who serves.
func (s *Server) run(ctx context.Context, follow func(service string, tell func([]presence.Instance))) {
	var rest sync.WaitGroup
	rest.Go(func() { s.push.follow(follow, s.slots.grown) })
	defer s.push.close()
	defer rest.Wait()

	ending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	working, stop := context.WithCancelCause(ending)
	defer stop(nil)
	var runs sync.WaitGroup // and the asking for them
	runs.Go(func() {
		s.ask(ctx, func(d *queue.Delivery) {
			f := s.slots.functions[name{d.Job.Queue, d.Job.Kind}]
			s.slots.take(f)
			runs.Add(1)
			r := &run{Server: s, function: f, delivery: d, ending: ending}
			go r.run(working, runs.Done)
		})
	})
	<-ctx.Done()
	ended := make(chan struct{})
	go func() { defer close(ended); runs.Wait() }()
	for _, next := range []struct {
		wait time.Duration
		then func()
	}{{s.config.Grace, func() { stop(errStopped) }}, {giveBack, cut}} {
		t := time.NewTimer(next.wait)
		select {
		case <-ended:
		case <-t.C:
			next.then()
		}
		t.Stop()
	}
	<-ended
}

// ask asks for jobs while there is room for more, until the context ends, and starts those that it gets.
func (s *Server) ask(ctx context.Context, start func(*queue.Delivery)) {
	for ctx.Err() == nil {
		began := time.Now()
		asking, interrupt := context.WithCancel(ctx)
		queues, most := s.slots.ask(interrupt)
		if most == 0 {
			interrupt()
			select {
			case <-s.slots.changed:
			case <-ctx.Done():
			}
			continue
		}
		got, err := s.source.Reserve(asking, queues, most, s.config.Hold)
		s.slots.answered()
		interrupt()
		for _, d := range got {
			start(d) // although the node may stop by now: they have the grace to end
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "no jobs are taken for now", "queues", queues, "error", err)
			wait.For(ctx, again/2+rand.N(again))
			s.metrics.askedInVain.Add(min(time.Since(began), inVain).Seconds())
		}
	}
}
