package queue

import (
	"context"
	"sync"

	"picloud/node/api"
)

// gatherer sends what comes at about the same time as one request: while some are under way, others gather.
type gatherer[In, Out any] struct {
	send func([]In) ([]Out, error)
	size func(In) int // about how many bytes it has

	mu      sync.Mutex
	waiting []gathered[In, Out]
	running int
}

type gathered[In, Out any] struct {
	in   In
	done chan result[Out]
}

type result[Out any] struct {
	out Out
	err error
}

// What a gatherer sends at one time.
const (
	gatherMost   = 100
	gatherBytes  = maxBody / 2
	gatherAtOnce = 4
)

// gatherers are a gatherer for each server, which is known by its address.
type gatherers[In, Out any] struct {
	send func(server string, list []In) ([]Out, error)
	size func(In) int

	mu       sync.Mutex
	byServer map[string]*gatherer[In, Out]
}

// of returns what gathers for a server.
func (all *gatherers[In, Out]) of(server string) *gatherer[In, Out] {
	all.mu.Lock()
	defer all.mu.Unlock()
	g := all.byServer[server]
	if g == nil {
		g = &gatherer[In, Out]{size: all.size, send: func(list []In) ([]Out, error) { return all.send(server, list) }}
		if all.byServer == nil {
			all.byServer = map[string]*gatherer[In, Out]{}
		}
		all.byServer[server] = g
	}
	return g
}

// do sends something and waits for what comes of it.
func (g *gatherer[In, Out]) do(ctx context.Context, in In) (Out, error) {
	x := gathered[In, Out]{in, make(chan result[Out], 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, x)
	if g.running < gatherAtOnce {
		g.running++
		go g.work()
	}
	g.mu.Unlock()
	select {
	case r := <-x.done:
		return r.out, r.err
	case <-ctx.Done():
		var none Out
		return none, api.Errorf(api.Unknown, "ask a queue server", "", "%s", ctx.Err())
	}
}

func (g *gatherer[In, Out]) work() {
	for {
		g.mu.Lock()
		n := g.next()
		batch := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		if n == 0 {
			g.running--
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		in := make([]In, n)
		for i := range batch {
			in[i] = batch[i].in
		}
		out, err := g.send(in)
		if err == nil && len(out) != n {
			err = api.Errorf(api.Unknown, "ask a queue server", "", "it answers %d of %d", len(out), n)
		}
		for i := range batch {
			r := result[Out]{err: err}
			if err == nil {
				r.out = out[i]
			}
			batch[i].done <- r
		}
	}
}

// next returns how many are sent next.
func (g *gatherer[In, Out]) next() int {
	bytes := 0
	for n := range g.waiting {
		if bytes += g.size(g.waiting[n].in); n == gatherMost || n > 0 && bytes > gatherBytes {
			return n
		}
	}
	return len(g.waiting)
}
