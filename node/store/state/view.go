package state

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"picloud/node/api"
	"picloud/node/codec"
	"picloud/node/sealed"
)

// view is the state as one transaction after another sees it: of a snapshot, which is only read, or of
// a batch that grows.
type view struct {
	state  *State
	from   pebble.Reader
	batch  *pebble.Batch // nil for a snapshot
	marker marker
	owned  owned
	txn    // that is run
}

// txn is what is noted while a transaction is run.
type txn struct {
	events    uint64 // of the revision that is being made
	made      int    // bytes of them
	replied   int    // bytes of the records that it returns
	unbounded bool   // it is not refused for any of this
	cut       bool   // its reply lacks records that did not fit
}

const doingTxn = "run a transaction"

// row is a record with what only the state knows.
type row struct {
	api.Record
	Deadline uint64 // on the group's clock, ms; 0 for none
	stored   []byte // the row as it lies in its table
}

// recordBytes is what a record takes in a reply or an event beside its key and its value, at most.
const recordBytes = 64

// recordSize is at least what a record takes in a reply or an event.
func recordSize(key string, value []byte) int { return len(key) + len(value) + recordBytes }

func (r *row) encode() []byte {
	w := make(codec.Writer, 0, len(r.Value)+40)
	w.Number(r.Created)
	w.Number(r.Modified)
	w.Number(r.Version)
	w.Number(uint64(r.TTL))
	w.Number(r.Deadline)
	w.Bytes(r.Value)
	return w
}

func decodeRow(key string, b []byte) (*row, error) {
	r := codec.NewReader(b)
	found := &row{stored: b, Record: api.Record{Key: key, Created: r.Number(), Modified: r.Number(), Version: r.Number(), TTL: int64(r.Number())}}
	found.Deadline, found.Value = r.Number(), r.Bytes()
	return found, r.Done()
}

// set writes a row with its checksum.
func (v *view) set(key, value []byte) error { return v.batch.Set(key, sealed.Seal(key, value), nil) }

// put writes a row that the digest counts.
func (v *view) put(key, before, now []byte) error {
	if before != nil {
		v.marker.Digest -= rowHash(key, before)
	}
	v.marker.Digest += rowHash(key, now)
	return v.set(key, now)
}

// drop removes a row that the digest counts.
func (v *view) drop(key, before []byte) error {
	v.marker.Digest -= rowHash(key, before)
	return v.batch.Delete(key, nil)
}

// run runs a transaction, which is valid, or refuses it, and then it has changed nothing. Of one that is unbounded there is no
// reply if that would be too large.
func (v *view) run(t *api.Txn, unbounded bool) (_ *api.Reply, refused *api.Error, _ error) {
	reply := &api.Reply{Succeeded: true}
	for i := range t.If {
		holds, err := v.holds(&t.If[i])
		if err != nil {
			return nil, nil, err
		}
		reply.Succeeded = reply.Succeeded && holds
	}
	ops := t.Then
	if !reply.Succeeded {
		ops = t.Else
	}
	v.txn = txn{unbounded: unbounded || !mayBeRefused(ops)}
	undo := func() error { return nil }
	if !v.unbounded && slices.ContainsFunc(ops, func(o api.Op) bool { return o.Writes() }) {
		var err error
		if undo, err = v.undoable(); err != nil {
			return nil, nil, err
		}
	}
	for i := range ops {
		result, err := v.op(&ops[i])
		if errors.As(err, &refused) {
			return nil, refused, undo()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s %q: %w", ops[i].Kind, ops[i].Key, err)
		}
		reply.Results = append(reply.Results, result)
	}
	v.close()
	if v.cut {
		return nil, nil, nil
	}
	reply.Revision = v.marker.Revision
	return reply, nil, nil
}

// mayBeRefused tells whether the operations of a valid transaction may be too large together. What those change that have no range is
// bounded by the transaction's own size.
func mayBeRefused(ops []api.Op) bool {
	one := 0
	for i := range ops {
		switch o := &ops[i]; {
		case o.Kind == api.Scan || o.Kind == api.DeleteRange:
			return true
		case o.Kind == api.Get || o.Previous:
			one += api.MaxKeyBytes + api.MaxValueBytes + recordBytes
		}
	}
	return one > api.MaxReplyBytes
}

// undoable returns what undoes all that is done from now on. What was done before is written, so that the batch has nothing else.
func (v *view) undoable() (undo func() error, _ error) {
	before := v.marker
	if !v.batch.Empty() {
		if err := errors.Join(v.commit(), v.anew()); err != nil {
			return nil, err
		}
		v.state.advance(v.marker, v.owned) // who follows must not be told what is written and then that it has not been reached
	}
	return func() error {
		v.marker = before
		return v.anew()
	}, nil
}

// close ends the revision that is being made, if anything was changed in it.
func (v *view) close() {
	if v.events > 0 {
		v.marker.Revision++
		v.events = 0
	}
}

func (v *view) holds(c *api.Compare) (bool, error) {
	found, err := v.find(c.Key)
	if err != nil {
		return false, err
	}
	if found == nil {
		found = &row{}
	}
	order := 0
	switch c.What {
	case api.Value:
		order = bytes.Compare(found.Value, c.Value)
	case api.Created:
		order = cmp.Compare(found.Created, c.Number)
	case api.Modified:
		order = cmp.Compare(found.Modified, c.Number)
	case api.Version:
		order = cmp.Compare(found.Version, c.Number)
	}
	switch c.Is {
	case "=":
		return order == 0, nil
	case "<":
		return order < 0, nil
	case ">":
		return order > 0, nil
	}
	return order != 0, nil
}

// find returns the record of a key, nil if there is none.
func (v *view) find(key string) (*row, error) {
	b, err := v.state.get(v.from, v.state.key(tableRecords, recordPlace(key)))
	if err != nil || b == nil {
		return nil, err
	}
	return decodeRow(key, b)
}

func (v *view) op(o *api.Op) (api.Result, error) {
	switch o.Kind {
	case api.Get:
		found, err := v.find(o.Key)
		if err != nil || found == nil {
			return api.Result{}, err
		}
		return v.alone(found, true)
	case api.Put:
		before, err := v.find(o.Key)
		if err != nil {
			return api.Result{}, err
		}
		result, err := v.alone(before, o.Previous)
		if err != nil {
			return api.Result{}, err
		}
		return result, v.write(o, before)
	case api.Delete:
		before, err := v.find(o.Key)
		if err != nil || before == nil {
			return api.Result{}, err
		}
		result, err := v.alone(before, o.Previous)
		if err != nil {
			return api.Result{}, err
		}
		result.Deleted = 1
		return result, v.remove(before, api.Removed)
	case api.Scan:
		return v.scan(o)
	}
	return v.deleteRange(o)
}

// alone returns a record, if there is one and it is wanted.
func (v *view) alone(r *row, wanted bool) (result api.Result, err error) {
	if r != nil && wanted {
		err = v.returned(&result, r)
	}
	return result, err
}

// returned adds a record to a result.
func (v *view) returned(result *api.Result, r *row) error {
	if v.full(r) {
		if !v.unbounded {
			return api.Errorf(api.TooLarge, doingTxn, "", "it returns more than %d bytes of keys and values", api.MaxReplyBytes)
		}
		v.cut = true
		return nil
	}
	v.replied += recordSize(r.Key, r.Value)
	result.Records = append(result.Records, v.seen(r))
	return nil
}

// full tells whether there is no room for a record in the reply.
func (v *view) full(r *row) bool { return v.replied+recordSize(r.Key, r.Value) > api.MaxReplyBytes }

// seen returns a record with what is left of its time, which is a moment at least for as long as it is there.
func (v *view) seen(r *row) api.Record {
	seen := r.Record
	if r.Deadline > 0 {
		seen.Left = max(1, int64(r.Deadline)-int64(v.marker.Clock))
	}
	return seen
}

// write puts a value under a key; before is nil if there is none.
func (v *view) write(o *api.Op, before *row) error {
	now := &row{Record: api.Record{Key: o.Key, Value: o.Value, Created: v.marker.Revision + 1, Modified: v.marker.Revision + 1, Version: 1, TTL: o.TTL}}
	switch {
	case o.TTL > 0:
		now.Deadline = v.marker.Clock + uint64(o.TTL)
	case o.TTL == api.KeepTTL && before != nil:
		now.TTL, now.Deadline = before.TTL, before.Deadline
	case o.TTL == api.KeepTTL:
		now.TTL = 0
	}
	key := v.state.key(tableRecords, recordPlace(o.Key))
	var old []byte
	if before == nil {
		v.marker.Records++
	} else {
		now.Created, now.Version = before.Created, before.Version+1
		old = before.stored
		if err := v.unschedule(before); err != nil {
			return err
		}
	}
	if now.Deadline > 0 {
		if err := v.set(v.state.key(tableExpiry, big(now.Deadline), recordPlace(o.Key)), nil); err != nil {
			return err
		}
	}
	if err := v.put(key, old, now.encode()); err != nil {
		return err
	}
	return v.event(api.Changed, &now.Record)
}

// remove takes a record away.
func (v *view) remove(before *row, why api.EventKind) error {
	if err := v.unschedule(before); err != nil {
		return err
	}
	v.marker.Records--
	if err := v.drop(v.state.key(tableRecords, recordPlace(before.Key)), before.stored); err != nil {
		return err
	}
	return v.event(why, &api.Record{Key: before.Key})
}

// unschedule forgets that a record was to expire.
func (v *view) unschedule(r *row) error {
	if r.Deadline == 0 {
		return nil
	}
	return v.batch.Delete(v.state.key(tableExpiry, big(r.Deadline), recordPlace(r.Key)), nil)
}

// scan reads a range: one record if there is any, and more as long as there is room.
func (v *view) scan(o *api.Op) (result api.Result, err error) {
	if v.cut { // nobody gets the reply
		return result, nil
	}
	limit, size := o.Limit, 0
	if limit == 0 {
		limit = api.MaxRange
	}
	err = v.walk(o.Key, o.End, o.Reverse, func(r *row) (bool, error) {
		size += len(r.Key) + len(r.Value)
		if n := len(result.Records); n == limit || n > 0 && (size > api.MaxTxnBytes || v.full(r)) {
			result.More = true
			return false, nil
		}
		return !v.cut, v.returned(&result, r)
	})
	return result, err
}

// deleteRange removes the records of a range.
func (v *view) deleteRange(o *api.Op) (result api.Result, err error) {
	err = v.walk(o.Key, o.End, false, func(r *row) (bool, error) {
		result.Deleted++
		return true, v.remove(r, api.Removed)
	})
	return result, err
}

// walk visits the records from key up to end, in their order or backwards, until visit returns false.
func (v *view) walk(key, end string, backwards bool, visit func(*row) (bool, error)) error {
	from, to := v.state.recordRange(key, end)
	return v.rows(from, to, backwards, func(k, value []byte) (bool, error) {
		found, err := decodeRow(keyAt(k[len(v.state.prefix)+1:]), value)
		if err != nil {
			return false, err
		}
		return visit(found)
	})
}

// rows visits the rows from one key up to another; keys and values belong to the visitor.
func (v *view) rows(from, to []byte, backwards bool, visit func(key, value []byte) (bool, error)) error {
	return v.each(from, to, backwards, func(key, value []byte) (bool, error) {
		return visit(bytes.Clone(key), bytes.Clone(value))
	})
}

// each is rows for a visitor that keeps neither.
func (v *view) each(from, to []byte, backwards bool, visit func(key, value []byte) (bool, error)) (err error) {
	it, err := v.from.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() {
		if e := it.Close(); err == nil {
			err = e
		}
	}()
	first, next := it.First, it.Next
	if backwards {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok && err == nil; {
		var stored []byte
		if stored, err = it.ValueAndErr(); err != nil {
			break
		}
		value, good := sealed.Open(it.Key(), stored)
		if !good {
			err = ErrDamaged
			break
		}
		if ok, err = visit(it.Key(), value); ok {
			ok = next()
		}
	}
	if err == nil {
		err = it.Error()
	}
	return err
}
