package db

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"picloud/node/api"
)

// line is the commands of one connection that are under way. Commands of one partition run in their order,
// those of different ones beside each other, and others wait for all before them.
type line struct {
	ctx     context.Context
	session *session
	replies chan<- *pending
	last    map[string]*pending // of a partition
	under   sync.WaitGroup
}

// answer sends a reply behind those before it.
func (l *line) answer(reply any) {
	p := &pending{done: make(chan struct{}), reply: reply}
	close(p.done)
	l.replies <- p
}

// take begins a command.
func (l *line) take(args [][]byte) {
	s, began := l.session, time.Now()
	v, err := s.prepare(args)
	if s.queuing && (v == nil || err != nil || !v.endsQueue()) {
		l.answer(l.enqueue(v, err, began))
		return
	}
	if err != nil {
		l.finish(v, began, nil, err, l.answer)
		return
	}
	keys := v.keys()
	partition, same := s.partition(keys)
	if v.control == nil && same && len(keys) > 0 {
		l.begin(v, partition, began)
		return
	}
	l.under.Wait()
	clear(l.last)
	l.execute(v, began, l.answer)
}

// endsQueue tells whether a command is not queued behind MULTI.
func (v *invocation) endsQueue() bool {
	switch v.name {
	case "exec", "discard", "multi", "watch", "quit":
		return true
	}
	return false
}

// enqueue queues a command, or spoils the transaction.
func (l *line) enqueue(v *invocation, err error, began time.Time) (reply any) {
	if err == nil {
		reply, err = l.session.enqueue(v)
	}
	l.session.spoilt = l.session.spoilt || err != nil
	if err != nil {
		l.finish(v, began, nil, err, func(r any) { reply = r })
	}
	return reply
}

// begin runs a command behind the last one of its partition.
func (l *line) begin(v *invocation, partition string, began time.Time) {
	before, p := l.last[partition], &pending{done: make(chan struct{})}
	if len(l.last) > 2*pipelined {
		l.forget()
	}
	l.last[partition] = p
	l.replies <- p
	l.under.Go(func() {
		defer close(p.done)
		if before != nil {
			<-before.done
		}
		l.execute(v, began, func(reply any) { p.reply = reply })
	})
}

// forget forgets partitions of which all is done.
func (l *line) forget() {
	for partition, p := range l.last {
		select {
		case <-p.done:
			delete(l.last, partition)
		default:
		}
	}
}

// execute runs a command and gives its reply away.
func (l *line) execute(v *invocation, began time.Time, give func(any)) {
	l.session.db.metrics.inFlight.WithLabelValues("resp").Inc()
	defer l.session.db.metrics.inFlight.WithLabelValues("resp").Dec()
	ctx, cancel := context.WithTimeout(l.ctx, l.session.db.config.Timeout)
	defer cancel()
	var reply any
	var err error
	if v.control != nil {
		reply, err = v.control(l.session, ctx, v.args)
	} else {
		reply, err = l.session.db.execute(ctx, v)
	}
	l.finish(v, began, reply, err, give)
}

// finish notes what came of a command and gives its reply away.
func (l *line) finish(v *invocation, began time.Time, reply any, err error, give func(any)) {
	operation := opOther
	if v != nil {
		operation = v.name
	}
	if own, is := reply.(respError); is {
		l.session.db.observe(l.ctx, "resp", operation, began, respKind(own))
	} else {
		l.session.db.observe(l.ctx, "resp", operation, began, respKind(err))
	}
	if err != nil {
		reply = asRESP(err)
	}
	give(reply)
}

// execute runs a command on data, partition by partition if its keys are in several.
func (d *DB) execute(ctx context.Context, v *invocation) (any, error) {
	parts, places := d.parts(v)
	if len(parts) <= 1 {
		replies, err := d.runCommands(ctx, []*invocation{v}, nil)
		if err != nil {
			return nil, err
		}
		return replies[0], nil
	}
	replies, errs := make([]any, len(parts)), make([]error, len(parts))
	var size atomic.Int64 // of the replies
	var all sync.WaitGroup
	room := make(chan struct{}, pipelined)
	for i, part := range parts {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			if errs[i] = checkReply(int(size.Load())); errs[i] != nil { // what can no longer be answered is not read
				return
			}
			r, err := d.runCommands(ctx, []*invocation{part}, nil)
			if err == nil {
				err = checkReply(int(size.Add(int64(replySize(r[0])))))
			}
			if errs[i] = err; err == nil {
				replies[i] = r[0]
			}
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil && v.writes {
			return nil, api.Errorf(api.Unknown, "run", v.name, "a part of the keys may be done: %s", err)
		} else if err != nil {
			return nil, fmt.Errorf("%s, part %d: %w", v.name, i, err)
		}
	}
	return join(replies, places, len(v.args)-1), nil
}

// parts splits a command by the partitions of its keys, in the order of their first keys, and says which
// arguments went where.
func (d *DB) parts(v *invocation) (parts []*invocation, places [][]int) {
	if !v.split {
		return nil, nil
	}
	at := map[string]int{}
	for i, key := range v.args[1:] {
		partition := api.Partition(respKey(d.config.RESPNamespace, key))
		n, is := at[partition]
		if !is {
			n = len(parts)
			at[partition] = n
			parts, places = append(parts, &invocation{v.command, v.args[:1:1]}), append(places, nil)
		}
		parts[n].args, places[n] = append(parts[n].args, key), append(places[n], i)
	}
	return parts, places
}

// join puts the replies of parts together: lists in the order of the keys, and numbers as their sum.
func join(replies []any, places [][]int, keys int) any {
	list, total, isList := make([]any, keys), int64(0), false
	for i, r := range replies {
		switch r := r.(type) {
		case int64:
			total += r
		case []any:
			isList = true
			for j, e := range r {
				list[places[i][j]] = e
			}
		}
	}
	if isList {
		return list
	}
	return total
}
