package live

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/chaos"
	"picloud/node/wait"
	"picloud/reports"
	"picloud/scenarios/shelf"
)

// lives is what became of the nodes.
type lives struct {
	kills map[string]chan kill // by node; the life that takes one is ended by it

	mu     sync.Mutex
	faults chaos.Schedule // kills that a process died of
	deaths []reports.Death
}

// kill is one kill.
type kill struct {
	down time.Duration // until the node is started again
	done chan struct{} // closed then
}

// killed notes a kill that a process died of.
func (l *lives) killed(name string, from, to time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, chaos.Fault{At: from, For: to - from, Kind: chaos.Kill, Target: chaos.AtMachine(name)})
}

// ended notes a node that ended by itself.
func (l *lives) ended(d reports.Death) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaths = append(l.deaths, d)
}

// left returns the kills, and how many processes died of each: one.
func (l *lives) left() (chaos.Schedule, []int64, []reports.Death) {
	l.mu.Lock()
	defer l.mu.Unlock()
	faults := slices.Clone(l.faults)
	faults.Sort()
	return faults, slices.Repeat([]int64{1}, len(faults)), slices.Clone(l.deaths)
}

// enough judges whether as many processes were killed as was wanted.
func (l *lives) enough(wanted int) reports.Check {
	faults, _, _ := l.left()
	c := reports.Check{Name: "kills", Status: reports.Pass, Count: len(faults)}
	if c.Detail = fmt.Sprintf("%d processes were killed", c.Count); c.Count < wanted {
		c.Status = reports.Inconclusive
		c.Detail += fmt.Sprintf(", %d were to be", wanted)
	}
	return c
}

// keep keeps the nodes running until the context ends.
func (r *run) keep(ctx context.Context) *sync.WaitGroup {
	var all sync.WaitGroup
	r.lives.kills = map[string]chan kill{}
	for _, name := range r.nodes() {
		r.lives.kills[name] = make(chan kill)
	}
	for _, name := range r.nodes() {
		all.Go(func() { r.keepNode(ctx, name) })
	}
	return &all
}

// again is how long a node that ended by itself is down.
const again = time.Second

// keepNode runs one node, life after life.
func (r *run) keepNode(ctx context.Context, name string) {
	for life := 1; ctx.Err() == nil; life++ {
		label := fmt.Sprintf("%s#%d", name, life)
		by, at, life := r.live(ctx, name, label)
		now := r.now()
		switch {
		case ctx.Err() != nil:
			return
		case by != nil && shelf.DiedOfKill(life.Err):
			wait.For(ctx, by.down)
			r.lives.killed(name, at, r.now())
		case life.Killed: // by the monkey, which says when it is started again
		default:
			r.lives.ended(reports.Death{Machine: name, At: reports.Seconds(now), Reason: reason(life.Err), Stack: r.log.lastOf(label)})
			wait.For(ctx, again)
		}
		if by != nil {
			close(by.done)
		}
	}
}

// live runs a node for one life. It returns the kill that came, if one came, with its time, and how the
// process ended.
func (r *run) live(ctx context.Context, name, label string) (by *kill, at time.Duration, life shelf.Life) {
	over := make(chan struct{})
	var waiting sync.WaitGroup
	log := r.log.of(label)
	life = r.keeper.Once(ctx, name, func(started func(*os.Process)) error {
		return r.shelf.Once(ctx, name, log, func(p *os.Process) {
			started(p)
			waiting.Go(func() {
				select {
				case k := <-r.lives.kills[name]:
					by, at = &k, r.now()
					p.Kill() // it may have ended by itself a moment before, as its status will say
				case <-over:
				}
			})
		})
	})
	close(over)
	waiting.Wait()
	log.end()
	return by, at, life
}

// reason says how a node ended by itself.
func reason(err error) string {
	if err == nil {
		return "it ended with status 0, and nobody had told it to"
	}
	return strings.TrimSpace(err.Error())
}

// killAll kills as it is planned, and returns when all nodes were started again. It stops early when the
// time is over.
func (r *run) killAll(ctx context.Context, rounds []round) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Limit-r.now()+unservedLimit) // a node that cannot be started takes no kill
	defer cancel()
	var kills []kill
	for _, round := range rounds {
		want := r.seen.succeeded() + round.operations
		r.wait(ctx, r.now()+unservedLimit, func() bool { return r.seen.succeeded() >= want })
		if !wait.For(ctx, round.after) || r.now() > r.config.Limit {
			break
		}
		var all sync.WaitGroup
		for name, down := range round.down {
			k := kill{down, make(chan struct{})}
			kills = append(kills, k)
			all.Go(func() {
				select {
				case r.lives.kills[name] <- k:
				case <-ctx.Done():
				}
			})
		}
		all.Wait()
	}
	for _, k := range kills {
		select {
		case <-k.done:
		case <-ctx.Done():
		}
	}
}

// unservedLimit is how long a round waits for operations to succeed. It is for safety: whether they do is
// judged after the last round.
const unservedLimit = 15 * time.Second

// wait waits until something is so, but not longer than to a time of the run.
func (r *run) wait(ctx context.Context, end time.Duration, is func() bool) {
	const pause = 20 * time.Millisecond
	for ctx.Err() == nil && r.now() < end && !is() {
		wait.For(ctx, pause)
	}
}
