// Package presence says who serves what: an instance of a service keeps a key in the store alive, and those who
// need the service watch. It stands in for the registry until that tier exists.
//
// Invariants: an instance that ended without a word is gone after its key's time to live, which the store counts
// only while it can serve: when the store is down nobody vanishes. Whoever watches keeps what was last known
// while the store does not answer.
package presence

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// The keys are @presence/SERVICE/ID. No key of the database has this partition.
const partition = "@presence/"

// How long an instance is known after its last word, and how often it says one.
const (
	TimeToLive = 12 * time.Second
	Refresh    = 3 * time.Second
)

const (
	attempt = 5 * time.Second  // for one call of the store
	again   = time.Second      // between a call that failed and the next
	watched = 20 * time.Second // for a call that waits for events
	longest = 128              // bytes of a service's name and of an ID
)

// Instance is one server of a service.
type Instance struct {
	Service string `json:"-"`
	ID      string `json:"-"`                 // different for each start
	Address string `json:"address"`           // name:port
	Checked bool   `json:"checked,omitempty"` // it also takes streams of checked frames (package wire)
	Batch   string `json:"batch,omitempty"`   // of its processor, for those to whom it matters
	Wants
}

// Validate says what is wrong with an instance.
func (i *Instance) Validate() error {
	for _, of := range []struct{ what, name string }{{"service", i.Service}, {"ID", i.ID}} {
		if name := of.name; name == "" || len(name) > longest || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '/' || r > '~' }) {
			return fmt.Errorf("presence: a %s is 1 to %d printable characters without spaces and slashes, not %.80q", of.what, longest, name)
		}
	}
	if host, port, err := net.SplitHostPort(i.Address); err != nil || host == "" || port == "" {
		return fmt.Errorf("presence: an address is name:port, not %.80q", i.Address)
	}
	return nil
}

func (i *Instance) key() string { return partition + i.Service + "/" + i.ID }

// Announce keeps an instance known until the context ends, and then takes it away. When drain is closed the instance
// wants nothing new. Until then it wants what the stance says that the context has.
func Announce(ctx context.Context, store api.Store, log *slog.Logger, i Instance, drain <-chan struct{}) error {
	if err := i.Validate(); err != nil {
		return err
	}
	a := announcer{store, log}
	stance, ended := stanceOf(ctx), false
	next := time.NewTimer(0)
	defer next.Stop()
	_, changed := stance.Get()
	for {
		select {
		case <-ctx.Done():
			a.remove(context.WithoutCancel(ctx), &i)
			return nil
		case <-drain:
			ended, drain = true, nil
		case <-changed:
		case <-next.C:
		}
		i.Wants, changed = stance.Get()
		i.Draining = i.Draining || ended
		pause := Refresh
		if err := a.put(ctx, &i); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "an instance could not be announced", "service", i.Service, "id", i.ID, "error", err)
			pause = again
		}
		next.Reset(pause)
	}
}

type announcer struct {
	store api.Store
	log   *slog.Logger
}

func (a announcer) put(ctx context.Context, i *Instance) error {
	value, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return a.write(ctx, api.Op{Kind: api.Put, Key: i.key(), Value: value, TTL: TimeToLive.Milliseconds()})
}

func (a announcer) remove(ctx context.Context, i *Instance) {
	if err := a.write(ctx, api.Op{Kind: api.Delete, Key: i.key()}); err != nil {
		a.log.WarnContext(ctx, "an instance that ends is known for some time still", "service", i.Service, "id", i.ID, "error", err)
	}
}

func (a announcer) write(ctx context.Context, o api.Op) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	_, err := a.store.Txn(ctx, &api.Txn{Then: []api.Op{o}})
	return err
}

// Follow tells who serves a service, in the order of their IDs: once it is known, and whenever it changes, until
// the context ends. Tell is called by one goroutine at a time and must not keep it.
func Follow(ctx context.Context, store api.Store, log *slog.Logger, service string, tell func([]Instance)) {
	f := follower{store: store, prefix: partition + service + "/", service: service, tell: tell}
	for ctx.Err() == nil {
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if api.KindOf(err) != api.Compacted { // else it has slept for long: it begins anew
			log.WarnContext(ctx, "the instances of a service are followed no more for now", "service", service, "error", err)
			wait.For(ctx, again)
		}
	}
}

type follower struct {
	store   api.Store
	prefix  string
	service string
	tell    func([]Instance)
}

// follow reads who is there, and then what changes, until a call fails.
func (f *follower) follow(ctx context.Context) error {
	known, next, err := f.read(ctx)
	for err == nil && ctx.Err() == nil {
		f.tell(f.list(known))
		if next, err = f.changes(ctx, known, next); err != nil {
			return err
		}
	}
	return err
}

func (f *follower) read(ctx context.Context) (map[string]Instance, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	reply, err := f.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: f.prefix, End: api.PrefixEnd(f.prefix)}}})
	if err != nil {
		return nil, 0, err
	}
	known := map[string]Instance{}
	for i := range reply.Results[0].Records {
		f.note(known, &reply.Results[0].Records[i])
	}
	return known, reply.Revision + 1, nil
}

// changes notes what happens from a revision on, once anything does that matters.
func (f *follower) changes(ctx context.Context, known map[string]Instance, from uint64) (next uint64, err error) {
	for changed := false; !changed && ctx.Err() == nil; from = next {
		events, err := f.wait(ctx, from)
		if err != nil {
			return 0, err
		}
		for i := range events.Events {
			e := &events.Events[i]
			before, was := known[e.Record.Key]
			if e.Kind == api.Changed {
				f.note(known, &e.Record)
			} else {
				delete(known, e.Record.Key)
			}
			now, is := known[e.Record.Key]
			changed = changed || was != is || before != now
		}
		next = events.Next
	}
	return next, nil
}

func (f *follower) wait(ctx context.Context, from uint64) (*api.Events, error) {
	ctx, cancel := context.WithTimeout(ctx, watched)
	defer cancel()
	return f.store.Events(ctx, &api.Watch{Key: f.prefix, End: api.PrefixEnd(f.prefix), From: from})
}

// note takes a record for what it says. One that nobody can read is none.
func (f *follower) note(known map[string]Instance, r *api.Record) {
	i := Instance{}
	if err := json.Unmarshal(r.Value, &i); err != nil {
		delete(known, r.Key)
		return
	}
	i.Service, i.ID = f.service, strings.TrimPrefix(r.Key, f.prefix)
	known[r.Key] = i
}

func (f *follower) list(known map[string]Instance) []Instance {
	list := make([]Instance, 0, len(known))
	for _, i := range known {
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
