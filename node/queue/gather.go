package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"picloud/node/api"
)

// gatherer sends what comes at about the same time as one request: while one is under way, others gather. If that takes long, the
// others do not wait for it.
type gatherer[In, Out any] struct {
	send func([]In) ([]Out, error)
	size func(In) int // about how many bytes it has

	mu      sync.Mutex
	waiting []*gathered[In, Out]
	running int // who sends
	prompt  int // of those, who may still be answered soon
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
	gatherMost     = 100
	gatherBytes    = maxBody / 2
	gatherAtOnce   = 4
	gatherPatience = 100 * time.Millisecond // after which a request does not hold back the next
)

// destination is where something is sent: one partition's group may be without a leader while those of others are well.
type destination struct {
	server    string // its address
	partition string
}

// gatherers are a gatherer for each destination.
type gatherers[In, Out any] struct {
	send func(server string, list []In) ([]Out, error)
	size func(In) int

	mu sync.Mutex
	to map[destination]*gatherer[In, Out]
}

// of returns what gathers for a partition on a server.
func (all *gatherers[In, Out]) of(server, partition string) *gatherer[In, Out] {
	all.mu.Lock()
	defer all.mu.Unlock()
	at := destination{server, partition}
	g := all.to[at]
	if g == nil {
		g = &gatherer[In, Out]{size: all.size, send: func(list []In) ([]Out, error) { return all.send(server, list) }}
		if all.to == nil {
			all.to = map[destination]*gatherer[In, Out]{}
		}
		all.to[at] = g
	}
	return g
}

// do sends something and waits for what comes of it. An error of kind Unavailable means that it was not sent.
func (g *gatherer[In, Out]) do(ctx context.Context, in In) (Out, error) {
	x := &gathered[In, Out]{in, make(chan result[Out], 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, x)
	g.begin()
	g.mu.Unlock()
	select {
	case r := <-x.done:
		return r.out, r.err
	case <-ctx.Done():
	}
	var none Out
	kind := api.Unknown
	if g.withdraw(x) {
		kind = api.Unavailable
	}
	return none, api.Errorf(kind, "ask a queue server", "", "%s", ctx.Err())
}

// withdraw takes back what has not been sent, and tells whether it could.
func (g *gatherer[In, Out]) withdraw(x *gathered[In, Out]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return takeOut(&g.waiting, x)
}

// takeOut takes something out of what waits, and tells whether it was there.
func takeOut[T comparable](waiting *[]T, x T) bool {
	i := slices.Index(*waiting, x)
	if i >= 0 {
		*waiting = slices.Delete(*waiting, i, i+1)
	}
	return i >= 0
}

// begin begins to send what waits, unless a request is under way that may still be answered soon. The lock is held.
func (g *gatherer[In, Out]) begin() {
	if len(g.waiting) > 0 && g.prompt == 0 && g.running < gatherAtOnce {
		g.running++
		g.prompt++
		go g.work()
	}
}

// late notes that a request takes long.
func (g *gatherer[In, Out]) late() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.prompt--
	g.begin()
}

// take takes what is sent next, after a request that was prompt or not. If that is nothing, one fewer sends.
func (g *gatherer[In, Out]) take(wasPrompt bool) []*gathered[In, Out] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wasPrompt {
		g.prompt--
	}
	n := g.next()
	if n == 0 || g.prompt > 0 { // another one's request is to be waited for
		g.running--
		return nil
	}
	g.prompt++
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return batch
}

// work sends what waits, until nothing does. It begins as one that is prompt.
func (g *gatherer[In, Out]) work() {
	wasPrompt := true
	for batch := g.take(wasPrompt); batch != nil; batch = g.take(wasPrompt) {
		in := make([]In, len(batch))
		for i := range batch {
			in[i] = batch[i].in
		}
		late := time.AfterFunc(gatherPatience, g.late)
		out, err := g.send(in)
		wasPrompt = late.Stop()
		if err == nil && len(out) != len(in) {
			err = api.Errorf(api.Unknown, "ask a queue server", "", "it answers %d of %d", len(out), len(in))
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
