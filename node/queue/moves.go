package queue

import (
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
)

// move is one change of one job. It happens if all of its comparisons hold, and then as a whole.
type move struct {
	If   []api.Compare
	Then []api.Op
	Look []string // keys that are read where it does not happen
}

// unchanged holds while a job's last change is the one that is known. Of a reservation it is the token: whoever comes too
// late finds another one, or none.
func unchanged(p place, known uint64) api.Compare {
	return api.Compare{Key: p.job(), What: api.Modified, Is: "=", Number: known}
}

// replaced holds for a job that was changed or ended since a reservation.
func replaced(p place, token uint64) api.Compare {
	return api.Compare{Key: p.job(), What: api.Modified, Is: "!=", Number: token}
}

// stands holds while a reservation's marker is there: nobody else has made one, and its time is not over.
func stands(p place, token uint64) api.Compare {
	return api.Compare{Key: p.held(), What: api.Created, Is: "=", Number: token}
}

func put(key string, value []byte, ttl time.Duration) api.Op {
	return api.Op{Kind: api.Put, Key: key, Value: value, TTL: ttl.Milliseconds()}
}

func remove(key string) api.Op { return api.Op{Kind: api.Delete, Key: key} }

// reserve begins an attempt. The holder stands in the marker, so that the reservation can be recognised.
func reserve(p place, r record, known uint64, hold time.Duration, holder string) *move {
	r.Attempt++
	if mutant.Planted == mutant.EndlessHold {
		hold = 0
	}
	return &move{If: []api.Compare{unchanged(p, known)}, Then: []api.Op{put(p.job(), r.encode(), 0), put(p.held(), []byte(holder), hold)}}
}

// heartbeat lets a reservation last.
func heartbeat(p place, token uint64, hold time.Duration) *move {
	return &move{If: []api.Compare{stands(p, token)}, Then: []api.Op{put(p.held(), nil, hold)}}
}

// done ends a job, with its effect.
func done(p place, token uint64, e *addition) *move {
	m := &move{If: []api.Compare{unchanged(p, token)}, Then: []api.Op{remove(p.job()), remove(p.held())}, Look: []string{p.job(), p.held()}}
	if mutant.Planted == mutant.DoubleEffect {
		m.If = nil
	}
	return m.with(e)
}

// doneReplaced ends an attempt, with its effect, whose job another one of the same name has replaced: that one is ready.
func doneReplaced(p place, token uint64, e *addition) *move {
	m := &move{If: []api.Compare{stands(p, token), replaced(p, token)}, Then: []api.Op{remove(p.held())}, Look: []string{p.job(), p.held()}}
	return m.with(e)
}

// with adds an effect.
func (m *move) with(e *addition) *move {
	m.If, m.Then = append(m.If, e.If...), append(m.Then, e.Then...)
	return m
}

// sleep ends an attempt that failed: the job is run again after a while.
func sleep(p place, r *record, token uint64, backoff time.Duration) *move {
	return &move{If: []api.Compare{unchanged(p, token)}, Then: []api.Op{put(p.job(), r.encode(), 0), remove(p.held()), put(p.asleep(), nil, backoff)}}
}

// giveBack ends an attempt that does not count.
func giveBack(p place, r record, token uint64) *move {
	r.Attempt = max(0, r.Attempt-1)
	return &move{If: []api.Compare{unchanged(p, token)}, Then: []api.Op{put(p.job(), r.encode(), 0), remove(p.held())}}
}

// giveUp ends an attempt whose job another one has replaced, without an effect.
func giveUp(p place, token uint64) *move {
	return &move{If: []api.Compare{stands(p, token), replaced(p, token)}, Then: []api.Op{remove(p.held())}}
}

// bury moves a job to the dead, where it stays for a time.
func bury(p place, r record, known uint64, keep time.Duration) *move {
	r.Died = time.Now().UnixMilli()
	return &move{If: []api.Compare{unchanged(p, known)}, Then: []api.Op{remove(p.job()), remove(p.held()), put(p.dead(known), r.encode(), keep)}}
}

// redrive makes a dead job wait again, as if it had not been run, unless there is one of its unique name: that one came later.
func redrive(p place, r record, token, known uint64) *move {
	r.Attempt, r.Died = 0, 0
	return &move{If: []api.Compare{{Key: p.dead(token), What: api.Modified, Is: "=", Number: known}, {Key: p.job(), What: api.Version, Is: "="}},
		Then: []api.Op{remove(p.dead(token)), put(p.job(), r.encode(), 0)}}
}

// discard ends a dead job.
func discard(dead string, known uint64) *move {
	return &move{If: []api.Compare{{Key: dead, What: api.Modified, Is: "=", Number: known}}, Then: []api.Op{remove(dead)}}
}

// addition is an effect, its jobs among the operations.
type addition struct {
	If   []api.Compare
	Then []api.Op
}

// maxAddition bounds what an effect adds to a transaction that ends a job.
const maxAddition = api.MaxTxnOps - 8

// addition returns what an effect adds to a transaction in a partition, or says why it cannot be.
func (e *Effect) addition(partition string) (*addition, error) {
	const doing = "write an effect"
	if e == nil {
		return &addition{}, nil
	}
	c := &addition{If: e.If, Then: e.Then[:len(e.Then):len(e.Then)]}
	for i := range e.Then {
		o := &e.Then[i]
		if !o.Writes() || o.Previous { // what it reads might be too much for the reply, which others share
			return nil, api.Errorf(api.BadRequest, doing, o.Key, "this %s reads: an effect only writes", o.Kind)
		}
		rows := partition + behindDocuments
		if strings.HasPrefix(o.Key, rows) || o.Kind == api.DeleteRange && o.Key < api.PrefixEnd(rows) && (o.End == "" || o.End > rows) {
			return nil, api.Errorf(api.BadRequest, doing, o.Key, "the queues' own rows are not written by effects")
		}
	}
	for i := range e.Jobs {
		ops, err := e.Jobs[i].Put(partition)
		if err != nil {
			return nil, err
		}
		c.Then = append(c.Then, ops...)
	}
	if n := len(c.If) + len(c.Then); n > maxAddition {
		return nil, api.Errorf(api.TooLarge, doing, "", "it has %d comparisons and operations, the limit is %d", n, maxAddition)
	}
	t := api.Txn{If: c.If, Then: append([]api.Op{{Kind: api.Get, Key: partition}}, c.Then...)}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}
