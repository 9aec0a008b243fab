package health

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
)

// keep tells the store that the node is there and whom it does not hear, hears who else is, and renews what the node holds.
func (e *Engine) keep(ctx context.Context) {
	e.journal.copy(ctx)
	e.metrics.pending.Set(float64(len(e.journal.kept())))
	if err := e.speak(ctx); err != nil {
		if ctx.Err() == nil {
			e.kit.Log.WarnContext(ctx, "the store does not hear how the node is", "error", err.Error())
		}
		return
	}
	if e.config.Mode == On {
		for _, node := range e.info.Relays {
			e.claim(ctx, node)
		}
	}
}

// maxNeighbours is of how many a node says in one transaction whether it hears them, twice if it is drained, beside nine operations.
const maxNeighbours = (api.MaxTxnOps - 9) / 2

// speak writes the node's row and those of the neighbours that it does not hear, and reads those of the others.
func (e *Engine) speak(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	e.mu.Lock()
	live := e.config.Live.Milliseconds()
	t := &api.Txn{Then: []api.Op{{Kind: api.Put, Key: aliveRow(e.me), TTL: live}}}
	for _, n := range e.config.Neighbours {
		if d, err := e.silent[n].Get(); err == nil && d >= e.config.missed() {
			t.Then = append(t.Then, api.Op{Kind: api.Put, Key: silentRow(n, e.me), TTL: live})
		} else {
			t.Then = append(t.Then, api.Op{Kind: api.Delete, Key: silentRow(n, e.me)})
		}
	}
	drained := e.drained
	e.mu.Unlock()
	scanned := len(t.Then)
	for _, prefix := range []string{aliveRow(""), outRow("")} {
		t.Then = append(t.Then, api.Op{Kind: api.Scan, Key: prefix, End: api.PrefixEnd(prefix)})
	}
	if drained { // unless the row says something worse already
		for _, worse := range []Action{Halt, Fence} {
			t.If = append(t.If, api.Compare{Key: outRow(e.me), What: api.Value, Is: "!=", Value: []byte(worse)})
		}
		t.Else = slices.Clone(t.Then)
		t.Then = append(t.Then, e.config.drainedRow(e.me))
	}
	reply, err := e.kit.Store.Txn(ctx, t)
	if err != nil {
		return err
	}
	e.hear(reply.Results[scanned].Records, reply.Results[scanned+1].Records, time.Now())
	return nil
}

// missed is after how long a silent neighbour is missed.
func (c *Config) missed() time.Duration {
	for i := range c.Rules {
		if r := &c.Rules[i]; r.Signal == Silent {
			return time.Duration(r.Raise) * time.Millisecond
		}
	}
	return c.Live
}

// drainedRow says that a node is drained: as long as it goes on to say so.
func (c *Config) drainedRow(node string) api.Op {
	return api.Op{Kind: api.Put, Key: outRow(node), Value: []byte(Drain), TTL: 10 * c.Live.Milliseconds()}
}

// hear notes what the rows of nodes say that are there, and of those that are out of service.
func (e *Engine) hear(records, out []api.Record, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answered = now
	for i := range records {
		r := &records[i]
		node := strings.TrimPrefix(r.Key, rows+"alive/")
		said := now.Add(-time.Duration(r.TTL-r.Left) * time.Millisecond)
		if before, is := e.heard[node]; is && said.After(before) {
			e.heard[node] = said
		}
	}
	e.leftOff = map[string]bool{}
	for i := range out {
		if Action(out[i].Value) == LeaveOff {
			e.leftOff[strings.TrimPrefix(out[i].Key, outRow(""))] = true
		}
	}
}

// askNeighbours asks all neighbours whether they are there.
func (e *Engine) askNeighbours(ctx context.Context) {
	var all sync.WaitGroup
	for _, n := range e.config.Neighbours {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, e.config.Ask)
			defer cancel()
			if e.kit.Reach(ctx, n) == nil {
				e.mu.Lock()
				e.heard[n] = time.Now()
				e.mu.Unlock()
			}
		})
	}
	all.Wait()
}

// A node draws more than this while it runs, or hangs. What is off draws less.
const running = 100 * physic.MilliAmpere

var errNoCurrent = errors.New("health: it draws no current")

// silence says for how long neighbours were not heard. It is not known while the node hears nobody at all, nor of a neighbour that
// draws no current, or of which that is not known as the board is not read.
func (e *Engine) silence(r *hw.Reading, read, now time.Time) map[string]hw.Value[time.Duration] {
	last := e.answered
	for _, t := range e.heard {
		if t.After(last) && !t.Equal(e.begun) {
			last = t
		}
	}
	all := map[string]hw.Value[time.Duration]{}
	for _, n := range e.config.Neighbours {
		all[n] = hw.Known(now.Sub(e.heard[n]))
		if last.IsZero() || now.Sub(last) > e.uplinkFor() {
			all[n] = hw.Unknown[time.Duration](errUplink)
		}
		p, metered := r.Neighbours[n]
		if now.Sub(e.heard[n]) <= e.uplinkFor() || !metered && !slices.Contains(e.info.Relays, n) {
			continue
		}
		current, err := p.Current.Get()
		switch {
		case now.Sub(read) > fresh:
			all[n] = hw.Unknown[time.Duration](errOld)
		case metered && err != nil:
			all[n] = hw.Unknown[time.Duration](err)
		case metered && current < running:
			all[n] = hw.Unknown[time.Duration](errNoCurrent)
		}
	}
	return all
}

// uplinkFor is for how long an answer shows that the node's uplink works: until there should have been two more.
func (e *Engine) uplinkFor() time.Duration {
	return 2*max(e.config.Refresh, e.config.Ask) + 2*time.Second
}

// claim keeps or takes the right to drive a neighbour's relay. A backup takes it only when nobody has it twice in a row, so that the first
// owner gets it back.
func (e *Engine) claim(ctx context.Context, node string) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	began := time.Now()
	row, me := ownerRow(node), []byte(e.me)
	take := api.Op{Kind: api.Put, Key: row, Value: me, TTL: e.config.Live.Milliseconds()}
	backup := slices.Contains(e.kit.Backup, node)
	mine := api.Compare{Key: row, What: api.Value, Is: "=", Value: me}
	t := &api.Txn{If: []api.Compare{mine}, Then: []api.Op{take}}
	if backup {
		t.Then = []api.Op{{Kind: api.Get, Key: row}} // it runs out: the first owner may be back
	}
	reply, err := e.kit.Store.Txn(ctx, t)
	if err == nil && !reply.Succeeded {
		free := &api.Txn{If: []api.Compare{api.Absent(row)}, Then: []api.Op{take}}
		if backup && !e.wasFree[node] {
			free.Then = []api.Op{{Kind: api.Get, Key: row}}
			reply, err = e.kit.Store.Txn(ctx, free)
			e.wasFree[node] = err == nil && reply.Succeeded
			return
		}
		reply, err = e.kit.Store.Txn(ctx, free)
		e.wasFree[node] = false
	}
	if err != nil || !reply.Succeeded {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drives[node] = began.Add(e.config.Live)
}

// mayDrive tells whether the node drives a neighbour's relay, as far as it knows.
func (e *Engine) mayDrive(node string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Before(e.drives[node])
}
