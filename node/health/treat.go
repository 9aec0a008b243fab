package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/wait"
)

// treat does the first of what is wished that the cluster allows, once nothing is left of what was not done.
func (e *Engine) treat(ctx context.Context) {
	if e.owed != nil && !e.pay(ctx) {
		return
	}
	e.mu.Lock()
	wishes := e.wanted()
	e.mu.Unlock()
	wanted := map[matter]bool{}
	for _, w := range wishes {
		m := matter{w.action, w.subject}
		wanted[m] = true
		if w.action == Cycle && (!slices.Contains(e.info.Relays, w.subject) || e.config.Mode == On && !e.mayDrive(w.subject)) {
			continue // others see to it
		}
		if t, is := e.failed[m]; is && time.Since(t) < again {
			continue
		}
		err := e.tryTo(ctx, w)
		e.refuse(ctx, m, err)
		if err == nil {
			break // what else is wished may be otherwise now
		}
	}
	e.forget(false, wanted)
}

// forget forgets why what is no longer wished was refused: the replacement of members, which is seen to elsewhere, or all else.
func (e *Engine) forget(replacements bool, wished map[matter]bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for m := range e.refusals {
		if !wished[m] && (m.action == Replace) == replacements {
			delete(e.refusals, m)
		}
	}
}

// refuse notes why something was not done, and says so once.
func (e *Engine) refuse(ctx context.Context, m matter, err error) {
	e.mu.Lock()
	before := e.refusals[m]
	delete(e.refusals, m)
	if err != nil {
		e.refusals[m] = err.Error()
	}
	e.mu.Unlock()
	if err != nil && ctx.Err() == nil && err.Error() != before {
		e.metrics.actions.WithLabelValues(string(m.action), outcomeRefused).Inc()
		e.kit.Log.WarnContext(ctx, "health may not act now", "action", string(m.action), "subject", m.subject, "error", err.Error())
	}
}

// tryTo takes the budget for what is wished, and does it. An error says why it was not begun.
func (e *Engine) tryTo(ctx context.Context, w wish) error {
	m := matter{w.action, w.subject} // also if the neighbour is left off in the end
	groups, err := e.groups(ctx)
	if err != nil {
		return err
	}
	if w.action == Cycle {
		if _, err := e.current(w.subject); err != nil {
			return err
		}
		v, err := read(ctx, e.kit.Store, w.subject)
		if err != nil {
			return err
		}
		if len(v.cycled) >= len(backOff) {
			w.action = LeaveOff
		}
	}
	if e.config.Mode != On {
		return e.say(ctx, m, w, groups)
	}
	l, err := e.budget.take(ctx, w.action, w.subject, groups)
	if err != nil {
		return err
	}
	e.metrics.token.Set(float64(l.Token))
	held, end := e.hold(ctx, l)
	entry := Entry{At: time.Now(), Node: e.me, Rule: w.rule, Action: w.action, Subject: w.subject, Value: w.value, Token: l.Token}
	if err = e.enter(held, l, &entry); err == nil {
		err = e.budget.check(held, l)
	}
	if err != nil {
		end(func() []api.Op { return e.amends(l, false) }) // also what was not acknowledged may have been written
		return err
	}
	moved := false
	err = e.carryOut(ctx, entry, func() (err error) { moved, err = e.do(held, l, &entry); return err })
	if err == nil {
		end(nil)
		return nil
	}
	e.failed[m] = time.Now()
	end(func() []api.Op { return e.amends(l, moved) })
	return nil
}

// amends returns what makes the rows say what is so, of a treatment that was not done to the end; moved tells whether a relay was.
func (e *Engine) amends(l *lease, moved bool) []api.Op {
	out, cut := api.Op{Kind: api.Delete, Key: outRow(l.Subject)}, cycledRow(l.Subject, l.Token)
	switch l.Action {
	case Fence:
		return []api.Op{e.drainedOr(out), {Kind: api.Delete, Key: fencedRow(l.Subject)}}
	case Drain, Halt:
		return []api.Op{e.drainedOr(out)}
	case LeaveOff:
		if moved { // it was cut off for a moment, and is not again at once
			return append(l.told(), out, api.Op{Kind: api.Put, Key: cut, TTL: day.Milliseconds()})
		}
		return []api.Op{out}
	}
	if moved {
		return l.told() // it was cut off, whatever came of it
	}
	return []api.Op{{Kind: api.Delete, Key: cut}}
}

// told returns what others are to know of a relay that did not move what it feeds.
func (l *lease) told() []api.Op {
	if l.relay == "" {
		return nil
	}
	return []api.Op{{Kind: api.Put, Key: relayRow(l.Subject), Value: []byte(l.relay)}}
}

// drainedOr returns what says that the node is drained if it is, and something else if it is not.
func (e *Engine) drainedOr(other api.Op) api.Op {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.drained {
		return other
	}
	return e.config.drainedRow(e.me)
}

// debt is what the rows have to say still, of a treatment that was not done.
type debt struct {
	lease  *lease
	amends func() []api.Op // as things are when it is paid
}

// pay pays the debt, and tells whether nothing is left of it.
func (e *Engine) pay(ctx context.Context) bool {
	ops := e.owed.amends()
	err := e.budget.release(ctx, e.owed.lease, ops...)
	if lost(err) {
		err = e.budget.correct(ctx, e.owed.lease, ops)
	}
	if err == nil {
		e.owed = nil
	}
	return err == nil
}

// groups asks how the store's groups stand.
func (e *Engine) groups(ctx context.Context) ([]Group, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	return e.kit.Groups(ctx)
}

// say says once what would be done.
func (e *Engine) say(ctx context.Context, m matter, w wish, groups []Group) error {
	v, err := read(ctx, e.kit.Store, w.subject)
	if err != nil {
		return err
	}
	t := &Treatment{Node: e.me, Action: w.action, Subject: w.subject}
	if w.action == Cycle || w.action == LeaveOff {
		v.owner = &api.Record{Value: []byte(e.me)} // it claims no relay while it is dry
	}
	if err := v.permit(t, groups); err != nil {
		return err
	}
	said := errors.New("the mode is dry")
	e.mu.Lock()
	before := e.refusals[m]
	e.mu.Unlock()
	if before != said.Error() {
		_ = e.act(ctx, Entry{Rule: w.rule, Action: w.action, Subject: w.subject, Value: w.value}, nil)
	}
	return said
}

// hold renews the budget until it is given back with end, or lost: then the context ends. What the rows are to say otherwise they say
// from the same instant on: if they could be corrected earlier, what was sent before and not answered might be written after that.
func (e *Engine) hold(ctx context.Context, l *lease) (held context.Context, end func(amends func() []api.Op)) {
	held, lose := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	taken := *l // what else becomes of it is not for who renews it
	go func() {
		defer close(stopped)
		until := taken.until
		for wait.For(held, min(e.config.Refresh, max(0, time.Until(until)))) {
			again := taken
			inTime, cancel := context.WithDeadline(held, until) // a store that does not answer makes it no longer
			err := e.budget.renew(inTime, &again)
			cancel()
			if err == nil {
				until = again.until
			} else if lost(err) || !time.Now().Before(until) {
				lose(fmt.Errorf("health: the budget was lost: %w", err))
			}
		}
	}()
	return held, func(amends func() []api.Op) {
		lose(nil)
		<-stopped
		var ops []api.Op
		if amends != nil {
			ops = amends()
		}
		free := context.WithoutCancel(ctx)
		if err := e.budget.release(free, l, ops...); err != nil {
			e.kit.Log.WarnContext(ctx, "the budget was not given back, and runs out", "token", l.Token, "error", err.Error())
			if len(ops) > 0 {
				e.owed = &debt{l, amends}
			}
		}
	}
}

// enter writes down what is about to be done, and what the cluster is to know of it, as long as the budget is held.
func (e *Engine) enter(ctx context.Context, l *lease, entry *Entry) error {
	op, err := put(entry)
	if err != nil {
		return err
	}
	out := api.Op{Kind: api.Put, Key: outRow(l.Subject), Value: []byte(l.Action)}
	ops := []api.Op{op}
	switch l.Action {
	case Drain:
		ops = append(ops, e.config.drainedRow(l.Subject))
	case Halt:
		out.TTL = day.Milliseconds()
		ops = append(ops, out)
	case Fence:
		ops = append(ops, out, api.Op{Kind: api.Put, Key: fencedRow(l.Subject), Value: []byte(e.cardSerial())})
	case LeaveOff:
		ops = append(ops, out)
	case Cycle:
		ops = append(ops, api.Op{Kind: api.Put, Key: cycledRow(l.Subject, l.Token), TTL: day.Milliseconds()})
	}
	reply, err := e.budget.txn(ctx, l, ops)
	if err == nil {
		l.entered = reply.Revision
	}
	return err
}

// do does what stands in the journal, and tells whether it has moved a relay.
func (e *Engine) do(ctx context.Context, l *lease, entry *Entry) (moved bool, err error) {
	switch l.Action {
	case Drain:
		e.drain()
		return false, nil
	case Halt:
		e.drain() // which it stays if the board does not turn off
		e.kit.Self.SetLeading(false)
		if !wait.For(ctx, time.Second) { // in which leaders change
			return false, context.Cause(ctx)
		}
		return false, e.halt(ctx)
	case Fence:
		return false, e.fence(entry)
	}
	return e.cut(ctx, l)
}

// turnsOff is how long a board may take to turn off that was asked to.
const turnsOff = time.Minute

// halt turns the board off. It returns when the system ends the node, and with an error if nothing of the kind happens.
func (e *Engine) halt(ctx context.Context) error {
	if err := e.kit.Board.Halt(); err != nil {
		return err
	}
	if wait.For(ctx, turnsOff) {
		return errors.New("health: the board was asked to turn off, and runs on")
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause // the budget was lost
	}
	return nil
}

// drain takes the node out of service.
func (e *Engine) drain() {
	e.kit.Self.SetDraining(true)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drained = true
}

// undrain takes the node back into service. Nobody else is kept waiting for it.
func (e *Engine) undrain(ctx context.Context) {
	err := e.act(ctx, Entry{Action: Undrain, Subject: e.me}, func() error { e.kit.Self.SetDraining(false); return nil })
	if err != nil {
		return
	}
	e.mu.Lock()
	e.drained = false
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	if _, err := e.kit.Store.Txn(ctx, &api.Txn{
		If: []api.Compare{{Key: outRow(e.me), What: api.Value, Is: "=", Value: []byte(Drain)}}, Then: []api.Op{{Kind: api.Delete, Key: outRow(e.me)}}}); err != nil {
		e.kit.Log.WarnContext(ctx, "the node counts as drained for a while still", "error", err.Error())
	}
}

// current returns what a neighbour draws, read now.
func (e *Engine) current(node string) (physic.ElectricCurrent, error) {
	r := e.kit.Board.Read()
	p, metered := r.Neighbours[node]
	if !metered {
		return 0, &hw.Error{Kind: hw.Absent, Doing: "read", What: "the current of " + node, Err: errors.New("no meter measures it")}
	}
	return p.Current.Get()
}

// cut cuts a neighbour's power, and gives it back unless it is to stay off. The relay is at rest when the node has power, so whatever
// goes wrong it is let go.
func (e *Engine) cut(ctx context.Context, l *lease) (moved bool, err error) {
	node, board := l.Subject, e.kit.Board
	before, err := e.current(node)
	if err != nil {
		return false, err
	}
	if before < running {
		return false, fmt.Errorf("health: cut %s off: %w", node, errNoCurrent)
	}
	stays := false
	defer func() {
		if moved && !stays {
			err = errors.Join(err, board.SetRelay(node, true))
		}
	}()
	if err := e.budget.check(ctx, l); err != nil { // again: the board was read since, which may have taken long
		return false, err
	}
	if err := board.SetRelay(node, false); err != nil {
		return true, err // as far as is known
	}
	if !wait.For(ctx, e.config.Settle) {
		return true, context.Cause(ctx)
	}
	if now, err := e.current(node); err == nil && 2*now > before {
		return true, e.relayFailed(l, before, now)
	}
	if l.Action == LeaveOff {
		stays = true
		e.mu.Lock()
		defer e.mu.Unlock()
		e.holdsOff[node] = true
		return true, nil
	}
	if !wait.For(ctx, e.config.Open-e.config.Settle) {
		return true, context.Cause(ctx)
	}
	if err := board.SetRelay(node, true); err != nil {
		return true, err
	}
	stays = true // as it is
	return true, e.judge(ctx, node)
}

// judge waits for a neighbour to come back.
func (e *Engine) judge(ctx context.Context, node string) error {
	for began := time.Now(); time.Since(began) < e.config.Judge; {
		if !wait.For(ctx, e.config.Every) {
			return context.Cause(ctx)
		}
		e.mu.Lock()
		back := e.heard[node].After(began)
		e.mu.Unlock()
		if back {
			return nil
		}
	}
	return fmt.Errorf("health: %s was given its power back, and was not heard within %s", node, e.config.Judge)
}

// relayFailed notes that a relay did not move what it feeds. It is not tried again until people have looked.
func (e *Engine) relayFailed(l *lease, before, now physic.ElectricCurrent) error {
	e.metrics.relays.WithLabelValues(l.Subject).Set(1)
	l.relay = fmt.Sprintf("%s drew %s before the relay was opened, and %s after", l.Subject, before, now)
	return &hw.Error{Kind: hw.Failed, Doing: "open", What: "the relay of " + l.Subject, Err: errors.New(l.relay)}
}
