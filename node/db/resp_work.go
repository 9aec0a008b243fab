package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"picloud/node/api"
	"picloud/node/codec"
)

// entry is a RESP key's value: a string, or a hash.
type entry struct {
	fields map[string][]byte // of a hash; nil for a string
	text   []byte            // of a string
	life
}

// life is how long an entry has to live.
type life struct {
	left int64 // ms; 0 for ever
	goes bool  // on: it was not given anew
}

// ttl returns the time to live that is written.
func (l life) ttl() int64 {
	if l.goes {
		return api.KeepTTL
	}
	return l.left
}

// The first byte of a record says what it is.
const (
	isString = 's'
	isHash   = 'h'
)

// encode returns the entry as it lies in the store; a hash's fields are sorted.
func (e *entry) encode() []byte {
	if e.fields == nil {
		return append([]byte{isString}, e.text...)
	}
	w := codec.Writer{isHash}
	w.Number(uint64(len(e.fields)))
	for _, f := range slices.Sorted(maps.Keys(e.fields)) {
		w.Text(f)
		w.Bytes(e.fields[f])
	}
	return w
}

// decodeEntry reads an entry. It takes only what encode writes.
func decodeEntry(data []byte) (*entry, error) {
	if len(data) == 0 {
		return nil, codec.ErrMalformed
	}
	switch data[0] {
	case isString:
		return &entry{text: data[1:]}, nil
	case isHash:
		r, e, last := codec.NewReader(data[1:]), &entry{fields: map[string][]byte{}}, ""
		for i := range r.Each() {
			f := r.Text()
			if i > 0 && f <= last {
				r.Fail()
			}
			e.fields[f], last = r.Bytes(), f
		}
		return e, r.Done()
	}
	return nil, codec.ErrMalformed
}

// work is one attempt at a transaction of RESP commands. Commands read and change entries in it, and
// what was read and what has changed become the store's transaction.
type work struct {
	namespace string
	records   map[string]*api.Record // by store key, nil if absent; nil as a whole before anything was read
	entries   map[string]*entry      // as commands see them; nil if absent
	read      map[string]bool
	changed   map[string]bool
	missing   bool // something was asked for that has not been read
}

func newWork(namespace string, records map[string]*api.Record) *work {
	return &work{namespace: namespace, records: records, entries: map[string]*entry{}, read: map[string]bool{}, changed: map[string]bool{}}
}

// find returns a key's entry, nil if there is none. It is changed only by put.
func (w *work) find(key []byte) (*entry, error) {
	at := respKey(w.namespace, key)
	if e, seen := w.entries[at]; seen {
		return e, nil
	}
	if w.records == nil {
		w.missing = true
		return nil, nil
	}
	w.read[at] = true
	r := w.records[at]
	if r == nil {
		return nil, nil
	}
	e, err := decodeEntry(r.Value)
	if err != nil {
		return nil, api.Errorf(api.Damaged, "read", fmt.Sprintf("%.80q", key), "%s", err)
	}
	e.life = life{left: r.Left, goes: r.Left > 0}
	w.entries[at] = e
	return e, nil
}

// text returns a key's string.
func (w *work) text(key []byte) (*entry, error) {
	e, err := w.find(key)
	if e != nil && e.fields != nil {
		return nil, errWrongType
	}
	return e, err
}

// hash returns a key's hash.
func (w *work) hash(key []byte) (*entry, error) {
	e, err := w.find(key)
	if e != nil && e.fields == nil {
		return nil, errWrongType
	}
	return e, err
}

// put sets a key's entry; nil removes it.
func (w *work) put(key []byte, e *entry) {
	at := respKey(w.namespace, key)
	w.entries[at], w.changed[at] = e, true
}

// txn returns the transaction that makes the changes if all that was read is still so, and else reads the
// keys again, if there is room for that.
func (w *work) txn(keys []string, watched map[string]uint64) *api.Txn {
	t := &api.Txn{}
	for _, key := range keys {
		if revision, is := watched[key]; is {
			t.If = append(t.If, api.Compare{Key: key, What: api.Modified, Is: "=", Number: revision})
		} else if w.read[key] {
			t.If = append(t.If, api.Compare{Key: key, What: api.Modified, Is: "=", Number: modified(w.records[key])})
		}
		if !w.changed[key] {
			continue
		}
		if e := w.entries[key]; e != nil {
			t.Then = append(t.Then, api.Op{Kind: api.Put, Key: key, Value: e.encode(), TTL: e.ttl()})
		} else {
			t.Then = append(t.Then, api.Op{Kind: api.Delete, Key: key})
		}
	}
	if len(t.If) > 0 && len(t.If)+len(t.Then)+len(keys) <= api.MaxTxnOps {
		t.Else = gets(keys)
	}
	return t
}

func modified(r *api.Record) uint64 {
	if r == nil {
		return 0
	}
	return r.Modified
}

func gets(keys []string) []api.Op {
	var ops []api.Op
	for _, key := range keys {
		ops = append(ops, api.Op{Kind: api.Get, Key: key})
	}
	return ops
}

// recordsOf returns what gets found; nil if nothing was asked for.
func recordsOf(keys []string, results []api.Result) map[string]*api.Record {
	if len(results) == 0 {
		return nil
	}
	records := map[string]*api.Record{}
	for i, key := range keys {
		records[key] = nil
		if found := results[i].Records; len(found) > 0 {
			records[key] = &found[0]
		}
	}
	return records
}

// runCommands runs commands of one partition as one transaction and returns their replies in order. It is
// tried again while other transactions come between, up to the context's end. If a watched key is not at
// its revision, nothing is done and the replies are nil.
func (d *DB) runCommands(ctx context.Context, list []*invocation, watched map[string]uint64) ([]any, error) {
	keys := keysOf(d.config.RESPNamespace, list, watched)
	if len(watched) == 0 { // what reads nothing, like SET, needs no more than the write
		w := newWork(d.config.RESPNamespace, nil)
		replies, err := w.do(list)
		if err == nil && !w.missing {
			_, err = d.commit(ctx, w, keys, nil)
		}
		if !w.missing { // else errors count for nothing, as commands took for absent what was not read
			return replies, err
		}
	}
	if slices.ContainsFunc(list, func(v *invocation) bool { return v.writes }) {
		unlock, err := d.locks.lock(ctx, keys[0])
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	var records map[string]*api.Record
	for attempt := 1; ; attempt++ {
		if records == nil {
			reply, err := d.run(ctx, &api.Txn{Then: gets(keys)})
			if err != nil {
				return nil, err
			}
			records = recordsOf(keys, reply.Results)
		}
		for key, revision := range watched {
			if modified(records[key]) != revision {
				return nil, nil
			}
		}
		w := newWork(d.config.RESPNamespace, records)
		replies, err := w.do(list)
		if err != nil {
			return nil, err
		}
		reply, err := d.commit(ctx, w, keys, watched)
		if err != nil || reply.Succeeded {
			return replies, err
		}
		if ctx.Err() != nil {
			return nil, api.Errorf(api.Unavailable, "run a command", "", "others came between %d times: %s", attempt, ctx.Err())
		}
		d.metrics.retries.Inc()
		records = recordsOf(keys, reply.Results)
	}
}

// commit makes the changes of an attempt, if there are any.
func (d *DB) commit(ctx context.Context, w *work, keys []string, watched map[string]uint64) (*api.Reply, error) {
	if len(w.changed) == 0 {
		return &api.Reply{Succeeded: true}, nil
	}
	return d.run(ctx, w.txn(keys, watched))
}

// do runs the commands. An error that belongs to one command is its reply; others end the attempt, as replies do that
// together are too large.
func (w *work) do(list []*invocation) ([]any, error) {
	replies, size := []any{}, 0
	for _, v := range list {
		reply, err := v.run(w, v.args)
		var own respError
		if errors.As(err, &own) {
			reply, err = own, nil
		}
		if err == nil {
			size += replySize(reply)
			err = checkReply(size)
		}
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
	return replies, nil
}

// keysOf returns the store's keys of commands, sorted.
func keysOf(namespace string, list []*invocation, watched map[string]uint64) []string {
	keys := slices.Collect(maps.Keys(watched))
	for _, v := range list {
		for _, k := range v.keys() {
			keys = append(keys, respKey(namespace, k))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// locks let one connection of this node after another read and write a partition, so that they do not
// spoil each other's attempts. Correctness does not rest on them.
type locks []chan struct{}

func newLocks() locks {
	l := make(locks, 256)
	for i := range l {
		l[i] = make(chan struct{}, 1)
	}
	return l
}

// lock waits for the lock of a key's partition and returns what gives it back.
func (l locks) lock(ctx context.Context, key string) (func(), error) {
	c := l[api.Slot(api.Partition(key))%uint32(len(l))]
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, api.Errorf(api.Unavailable, "run a command", "", "waited for others at the same partition: %s", ctx.Err())
	}
}
