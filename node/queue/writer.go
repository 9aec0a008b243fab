package queue

import (
	"context"
	"sync"
	"time"

	"picloud/node/api"
)

// runner makes moves.
type runner interface {
	// run makes a move of a partition. An error of kind Unknown means that it may have happened.
	run(ctx context.Context, partition string, m *move) (outcome, error)
}

// outcome is what came of a move.
type outcome struct {
	happened bool
	revision uint64
	seen     []*api.Record // what was looked at where it did not happen; nil for what is not there
}

// txn is a move as a transaction of its own.
func (m *move) txn() *api.Txn {
	t := &api.Txn{If: m.If, Then: m.Then}
	for _, key := range m.Look {
		t.Else = append(t.Else, api.Op{Kind: api.Get, Key: key})
	}
	return t
}

// alone makes a move in a transaction of its own.
func alone(ctx context.Context, store api.Store, m *move) (outcome, error) {
	reply, err := store.Txn(ctx, m.txn())
	if err != nil {
		return outcome{}, err
	}
	o := outcome{happened: reply.Succeeded, revision: reply.Revision}
	if !o.happened {
		o.seen = records(reply)
	}
	return o, nil
}

// records returns what each operation of a reply that reads one key has read, nil for what is not there.
func records(reply *api.Reply) []*api.Record {
	found := make([]*api.Record, len(reply.Results))
	for i := range reply.Results {
		if r := reply.Results[i].Records; len(r) > 0 {
			found[i] = &r[0]
		}
	}
	return found
}

// directly makes each move alone.
type directly struct{ store api.Store }

func (d directly) run(ctx context.Context, _ string, m *move) (outcome, error) {
	return alone(ctx, d.store, m)
}

// What bounds a transaction of many moves.
const (
	batchOps   = api.MaxTxnOps
	batchBytes = api.MaxTxnBytes / 2
	// writeLimit is how long a transaction may take.
	writeLimit = 10 * time.Second
)

// writer makes the moves of a partition that come at about the same time in few transactions, one after the other: while one
// is under way, moves gather for the next.
type writer struct {
	store api.Store
	tell  func(moves int, took time.Duration, failed bool) // of each transaction

	all     sync.WaitGroup // of those who work
	mu      sync.Mutex
	waiting []*wish
	busy    bool // somebody works
}

// wish is a move that waits to be made.
type wish struct {
	move  *move
	bytes int
	then  func(outcome, error)
}

func (m *move) bytes() int {
	n := 0
	for i := range m.If {
		n += len(m.If[i].Key) + len(m.If[i].Value)
	}
	for i := range m.Then {
		n += len(m.Then[i].Key) + len(m.Then[i].Value)
	}
	return n
}

// submit has a move made, and calls then with what came of it.
func (w *writer) submit(m *move, then func(outcome, error)) *wish {
	x := &wish{move: m, bytes: m.bytes(), then: then}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, x)
	if !w.busy {
		w.busy = true
		w.all.Go(w.work)
	}
	return x
}

// run makes a move and waits for it. Then, if it is not nil, is called with what came of it, also after run has returned
// because the context has ended.
func (w *writer) run(ctx context.Context, m *move, then func(outcome, error)) (outcome, error) {
	type answer struct {
		outcome
		err error
	}
	c := make(chan answer, 1)
	x := w.submit(m, func(o outcome, err error) {
		if then != nil {
			then(o, err)
		}
		c <- answer{o, err}
	})
	select {
	case a := <-c:
		return a.outcome, a.err
	case <-ctx.Done():
	}
	if w.withdraw(x) {
		x.then(outcome{}, api.Errorf(api.Unavailable, "change a job", "", "%s", ctx.Err()))
	}
	select {
	case a := <-c:
		return a.outcome, a.err
	default:
		return outcome{}, api.Errorf(api.Unknown, "change a job", "", "it is under way: %s", ctx.Err())
	}
}

// withdraw takes back a move, unless it has begun.
func (w *writer) withdraw(x *wish) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return takeOut(&w.waiting, x)
}

// work makes what waits, until nothing does.
func (w *writer) work() {
	for {
		batch := w.next()
		if len(batch) == 0 {
			return
		}
		w.make(batch)
	}
}

// next takes the moves of the next transaction: the first ones that wait, as far as they fit and touch no key twice.
func (w *writer) next() []*wish {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.busy = false
		return nil
	}
	var batch []*wish
	rest := w.waiting[:0:0]
	b := budget{touched: map[string]bool{}}
	for i, x := range w.waiting {
		if b.full() {
			rest = append(rest, w.waiting[i:]...)
			break
		}
		if b.take(x) {
			batch = append(batch, x)
		} else {
			rest = append(rest, x)
		}
	}
	w.waiting = rest
	return batch
}

// budget is what a transaction has room for.
type budget struct {
	ops, bytes int
	closed     bool
	touched    map[string]bool
}

func (b *budget) full() bool { return b.closed || b.ops > batchOps-3 }

// take makes room for a move if it goes with those that are there.
func (b *budget) take(x *wish) bool {
	m := x.move
	n := len(m.If) + len(m.Then)
	if b.ops > 0 && (b.ops+n > batchOps || b.bytes+x.bytes > batchBytes || m.lonely()) {
		b.closed = b.closed || b.ops+n > batchOps || b.bytes+x.bytes > batchBytes
		return false
	}
	keys := m.keys()
	for _, k := range keys {
		if b.touched[k] {
			return false
		}
	}
	for _, k := range keys {
		b.touched[k] = true
	}
	b.ops, b.bytes, b.closed = b.ops+n, b.bytes+x.bytes, m.lonely()
	return true
}

// lonely tells whether a move shares its transaction with none, as it changes a range.
func (m *move) lonely() bool {
	for i := range m.Then {
		if m.Then[i].Kind == api.DeleteRange {
			return true
		}
	}
	return false
}

// keys returns the keys that a move compares or writes.
func (m *move) keys() []string {
	keys := make([]string, 0, len(m.If)+len(m.Then))
	seen := func(key string) {
		for _, k := range keys {
			if k == key {
				return
			}
		}
		keys = append(keys, key)
	}
	for i := range m.If {
		seen(m.If[i].Key)
	}
	for i := range m.Then {
		seen(m.Then[i].Key)
	}
	return keys
}

// make makes moves in one transaction. If a comparison of one of them fails, each half is made by itself, so that the
// others happen nevertheless.
func (w *writer) make(batch []*wish) {
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	began := time.Now()
	if len(batch) == 1 {
		o, err := alone(ctx, w.store, batch[0].move)
		w.tell(1, time.Since(began), err != nil || !o.happened)
		batch[0].then(o, err)
		return
	}
	t := &api.Txn{}
	for _, x := range batch {
		t.If, t.Then = append(t.If, x.move.If...), append(t.Then, x.move.Then...)
	}
	reply, err := w.store.Txn(ctx, t)
	w.tell(len(batch), time.Since(began), err != nil || !reply.Succeeded)
	if err == nil && !reply.Succeeded {
		w.make(batch[:len(batch)/2])
		w.make(batch[len(batch)/2:])
		return
	}
	for _, x := range batch {
		if err != nil {
			x.then(outcome{}, err)
		} else {
			x.then(outcome{happened: true, revision: reply.Revision}, nil)
		}
	}
}
