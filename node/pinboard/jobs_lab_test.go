package pinboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"picloud/node/api"
	"picloud/node/codec"
	"picloud/node/lambda"
	"picloud/node/queue"
	"picloud/node/store/storetest"
)

// waiting is a job that waits in the store, as package queue has written it.
type waiting struct {
	record api.Record
	run    lambda.Run
}

// waiting returns the jobs that are ready, in the order of their keys.
func (l *lab) waiting() []waiting {
	l.t.Helper()
	var jobs []waiting
	for _, partition := range l.pinboard.options.partitions.All() {
		prefix := partition + "/\xffqueue/pinboard/job/"
		found, err := l.store.Txn(context.Background(), &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: prefix, End: api.PrefixEnd(prefix)}}})
		if err != nil {
			l.t.Fatal(err)
		}
		records := found.Results[0].Records
		for i, r := range records {
			if strings.HasSuffix(r.Key, "/asleep") || i+1 < len(records) && records[i+1].Key == r.Key+"/asleep" {
				continue
			}
			c := codec.NewReader(r.Value)
			c.Number()
			w := waiting{record: r, run: lambda.Run{ID: strings.TrimPrefix(r.Key, prefix), Partition: partition, Attempt: 1}}
			w.run.Job = queue.Job{Queue: "pinboard", Kind: c.Text(), Payload: c.Bytes()}
			if c.Bad() {
				l.t.Fatalf("the job %q cannot be read", r.Key)
			}
			jobs = append(jobs, w)
		}
	}
	return jobs
}

// do runs a job once, and ends it in the transaction that has its effect.
func (l *lab) do(ctx context.Context, w *waiting) error {
	functions := l.pinboard.Functions()
	i := slices.IndexFunc(functions, func(f lambda.Function) bool { return f.Kind == w.run.Job.Kind })
	if i < 0 {
		return fmt.Errorf("there is no function for %s", w.run.Job.Kind)
	}
	e, err := functions[i].Do(ctx, &w.run)
	if err != nil {
		return err
	}
	if e == nil {
		e = &lambda.Effect{}
	}
	t := &api.Txn{If: append(slices.Clone(e.If), api.Unchanged(w.record.Key, &w.record)), Then: append([]api.Op{remove(w.record.Key)}, e.Then...)}
	for _, j := range e.Jobs {
		ops, err := j.Put(w.run.Partition)
		if err != nil {
			return err
		}
		t.Then = append(t.Then, ops...)
	}
	reply, err := l.shaky.Txn(ctx, t)
	if err == nil && !reply.Succeeded {
		err = api.Errorf(api.ConditionFailed, "end the job", w.run.ID, "")
	}
	return err
}

// drain runs jobs until none is ready.
func (l *lab) drain() {
	l.t.Helper()
	for n := 0; ; n++ {
		jobs := l.waiting()
		if len(jobs) == 0 {
			return
		}
		for i := range jobs {
			if err := l.do(context.Background(), &jobs[i]); err != nil && n > 50 {
				l.t.Fatalf("the job %s %s does not end: %v", jobs[i].run.Job.Kind, jobs[i].run.Job.Payload, err)
			}
		}
	}
}

// shaky is a store that fails or stalls calls whose context says so.
type shaky struct{ *storetest.Store }

func (s *shaky) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	f, _ := ctx.Value(faultKey{}).(*fault)
	if f == nil {
		return s.Store.Txn(ctx, t)
	}
	f.calls++
	if f.calls != f.at {
		return s.Store.Txn(ctx, t)
	}
	switch f.sort {
	case lostRequest:
		return nil, api.Errorf(api.Unknown, "try", "", "the request is lost")
	case lostReply:
		if _, err := s.Store.Txn(ctx, t); err != nil {
			return nil, err
		}
		return nil, api.Errorf(api.Unknown, "try", "", "the reply is lost")
	case refusal:
		return nil, api.Errorf(api.Unavailable, "try", "", "there is no leader")
	}
	close(f.stalled)
	<-f.resume
	return s.Store.Txn(ctx, t)
}

// fault is what befalls one call of the store among those that are made with a context.
type fault struct {
	at    int // 1 for the first
	sort  string
	calls int

	stalled, resume chan struct{} // of a stall
}

type faultKey struct{}

const (
	lostRequest = "lost request"
	lostReply   = "lost reply"
	refusal     = "refusal"
	stall       = "stall"
)

// in returns a context whose calls have the fault.
func (f *fault) in(ctx context.Context) context.Context {
	if f == nil {
		return ctx
	}
	return context.WithValue(ctx, faultKey{}, f)
}
