package storecloud

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/scenarios/history"
)

// A list is a record whose value is its elements, with commas between them. A list retires when it has
// this many elements, and another takes its place.
const retireList = 60

// listsInUse is how many lists of a partition are in use at a time.
const listsInUse = 3

// appender runs transactions on lists, one at a time.
type appender struct {
	store  api.Store
	config *ClientConfig
	number int // of the client
	share  int // counted over the appenders of the machine
	record func(history.Operation)
	count  int
	places map[string]int // by partition: how often a list in use has retired
}

func newAppender(s api.Store, c *ClientConfig, number, share int, record func(history.Operation)) *appender {
	return &appender{store: s, config: c, number: number, share: share, record: record, places: map[string]int{}}
}

func (a *appender) run(ctx context.Context) {
	final := a.config.FinalReads > 0
	for ctx.Err() == nil {
		time.Sleep(rand.N(2*a.config.Pause + 1))
		switch now := a.config.SinceStart(); {
		case now >= a.config.Until-a.config.Timeout:
			return // watchers are to be told of all this before the run ends
		case final && now >= a.config.FinalReads:
			final = false
			a.readAll(ctx)
		default:
			p := partition(rand.IntN(a.config.Partitions))
			a.do(ctx, p, a.draw(p))
		}
	}
}

// readAll reads this appender's share of all lists that it knows of, each until it succeeds.
func (a *appender) readAll(ctx context.Context) {
	for n := range a.config.Partitions {
		if n%max(a.config.Appenders, 1) != a.share {
			continue
		}
		p := partition(n)
		for generation := 0; generation <= a.places[p]; generation++ {
			for place := range listsInUse {
				step := []history.Step{{Key: listKey(p, generation, place)}}
				for ctx.Err() == nil && a.config.SinceStart() < a.config.Until-a.config.Timeout && a.do(ctx, p, step) != history.OK {
					time.Sleep(a.config.Pause)
				}
			}
		}
	}
}

func listKey(partition string, generation, place int) string {
	return fmt.Sprintf("%s/g%d-%d", partition, generation, place)
}

// draw decides what the next transaction does: it reads and appends to one list or more.
func (a *appender) draw(p string) []history.Step {
	a.count++
	var reads, appends []history.Step
	for _, place := range rand.Perm(listsInUse)[:1+rand.IntN(listsInUse)] {
		key := listKey(p, a.places[p], place)
		if rand.IntN(2) == 0 {
			reads = append(reads, history.Step{Key: key})
		} else {
			appends = append(appends, history.Step{Key: key, Append: fmt.Sprintf("%d-%d", a.number, a.count)})
		}
	}
	return append(reads, appends...)
}

// do does one transaction, from the first try until its outcome is known or its time is up.
func (a *appender) do(ctx context.Context, p string, steps []history.Step) history.Outcome {
	ctx, cancel := context.WithTimeout(ctx, a.config.Timeout)
	defer cancel()
	o := history.Operation{Client: a.number, Kind: history.Txn, Key: p, Steps: steps, Call: a.config.SinceStart()}
	err := a.try(ctx, p, o.Steps)
	o.Return = a.config.SinceStart()
	if o.Outcome = outcomeOf(err); err != nil {
		o.Error = err.Error()
		for i := range o.Steps {
			o.Steps[i].Read = nil
		}
	}
	a.record(o)
	return o.Outcome
}

// list is a list as it was read.
type list struct {
	elements []string
	revision uint64
}

// try reads all lists of the transaction, and writes what it appends if none of them has changed since.
func (a *appender) try(ctx context.Context, p string, steps []history.Step) error {
	read := &api.Txn{}
	appends := false
	for i := range steps {
		read.Then = append(read.Then, api.Op{Kind: api.Get, Key: steps[i].Key})
		appends = appends || steps[i].Append != ""
	}
	reply, err := a.store.Txn(ctx, read)
	for err == nil {
		found := make([]list, len(steps))
		for i := range steps {
			for _, r := range reply.Results[i].Records {
				found[i] = list{strings.Split(string(r.Value), ","), r.Modified}
			}
			if len(found[i].elements) >= retireList {
				a.places[p] = max(a.places[p], generationOf(steps[i].Key)+1)
			}
			if steps[i].Append == "" {
				steps[i].Read = found[i].elements
			}
		}
		if !appends {
			return nil
		}
		if reply, err = a.store.Txn(ctx, writes(steps, found, read.Then)); err == nil && reply.Succeeded {
			return nil
		}
	}
	return err
}

// writes returns the transaction that appends, if the lists are as they were found; else it reads them.
func writes(steps []history.Step, found []list, read []api.Op) *api.Txn {
	t := &api.Txn{Else: read}
	for i := range steps {
		t.If = append(t.If, api.Compare{Key: steps[i].Key, What: api.Modified, Is: "=", Number: found[i].revision})
		if s := &steps[i]; s.Append != "" {
			value := strings.Join(append(found[i].elements, s.Append), ",")
			t.Then = append(t.Then, api.Op{Kind: api.Put, Key: s.Key, Value: []byte(value)})
		}
	}
	return t
}

func generationOf(key string) (generation int) {
	_, name, _ := strings.Cut(key, "/")
	fmt.Sscanf(name, "g%d-", &generation)
	return generation
}
