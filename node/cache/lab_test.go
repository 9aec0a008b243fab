package cache

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/presence"
	"picloud/node/store/storetest"
)

// lab is a store with cache servers and their clients, which call each other without a network. It knows what the store held
// at which time.
type lab struct {
	t       testing.TB
	store   *storetest.Store
	servers map[string]*Server // by address

	registries map[*Server]*prometheus.Registry

	mu      sync.Mutex
	luck    *rand.Rand
	trouble trouble
	past    []past
	reads   int // of the store
}

// trouble is what goes wrong. The zero value is a world that is well and takes no time.
type trouble struct {
	slow    time.Duration // each step of a call takes up to this
	lossy   bool          // a third of the calls of servers, and of their answers, get lost
	cut     bool          // servers hear nothing of the store
	hanging bool          // they hear so late
}

// past is what the store held from a time on.
type past struct {
	from time.Time
	held map[string]string
}

func newLab(t testing.TB) *lab {
	l := &lab{t: t, store: storetest.New(t), servers: map[string]*Server{}, registries: map[*Server]*prometheus.Registry{}, luck: rand.New(rand.NewPCG(1, 2))}
	l.past = []past{{held: map[string]string{}}}
	return l
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serve begins a server, in the place of one that was there.
func (l *lab) serve(address string, c Config) *Server {
	l.t.Helper()
	registry := prometheus.NewRegistry()
	s, err := New(c, "pi-1", labFeed{l}, registry, quiet())
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	old := l.servers[address]
	l.servers[address], l.registries[s] = s, registry
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return s
}

// suffer sets what goes wrong from now on.
func (l *lab) suffer(t trouble) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble = t
}

// close ends all servers.
func (l *lab) close() {
	for _, s := range l.servers {
		s.Close()
	}
}

// client returns a client that knows all servers.
func (l *lab) client() *Client {
	c := newClient(labStore{l}, quiet(), l.call)
	var list []presence.Instance
	for address := range l.servers {
		list = append(list, presence.Instance{Address: address})
	}
	c.know(list)
	return c
}

// takes lets a step of a call take its time, and tells whether it gets lost.
func (l *lab) takes() (lost bool) {
	l.mu.Lock()
	t := l.trouble
	var d time.Duration
	if t.slow > 0 {
		d = time.Duration(l.luck.Int64N(int64(t.slow)))
	}
	lost = t.lossy && l.luck.IntN(3) == 0
	l.mu.Unlock()
	time.Sleep(d)
	return lost
}

// call calls a server, as package rpc does.
func (l *lab) call(ctx context.Context, address, method string, body []byte) ([]byte, error) {
	type said struct {
		body []byte
		err  error
	}
	answer := make(chan said, 1)
	go func() {
		if l.takes() {
			return
		}
		l.mu.Lock()
		s := l.servers[address]
		l.mu.Unlock()
		var reply []byte
		var err error
		prompt, done := s.prompt()[method], false
		if prompt != nil {
			reply, done = prompt(body)
		}
		if !done {
			reply, err = s.methods()[method](ctx, body)
		}
		if !l.takes() {
			answer <- said{reply, err}
		}
	}()
	select {
	case a := <-answer:
		return a.body, a.err
	case <-ctx.Done():
		return nil, api.Errorf(api.Unknown, "call", address, "%s", ctx.Err())
	}
}

// labStore is the store as clients reach it.
type labStore struct{ *lab }

func (s labStore) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	s.takes()
	s.mu.Lock()
	s.lab.reads++
	reply, err := s.store.Txn(ctx, t)
	s.mu.Unlock()
	s.takes()
	return reply, err
}

func (s labStore) ReadStale(ctx context.Context, t *api.Txn) (*api.StaleReply, error) {
	return s.store.ReadStale(ctx, t)
}

func (s labStore) Events(ctx context.Context, w *api.Watch) (*api.Events, error) {
	return s.store.Events(ctx, w)
}

// labFeed is the store as servers follow it.
type labFeed struct{ *lab }

func (f labFeed) GroupOf(context.Context, string) (uint32, error) {
	f.takes()
	return 1, f.well()
}

func (f labFeed) well() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trouble.cut {
		return api.Errorf(api.Unavailable, "follow", "", "cut off")
	}
	return nil
}

func (f labFeed) Follow(ctx context.Context, call *api.Follow) (*api.Changes, error) {
	f.takes()
	if err := f.well(); err != nil {
		return nil, err
	}
	found, err := f.store.Follow(ctx, call)
	f.mu.Lock()
	hanging := f.trouble.hanging
	f.mu.Unlock()
	if hanging {
		time.Sleep(time.Second)
	}
	f.takes()
	if err := f.well(); err != nil {
		return nil, err
	}
	return found, err
}

// change writes, and notes what the store holds from now on.
func (l *lab) change(ops ...api.Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.store.Txn(context.Background(), &api.Txn{Then: ops}); err != nil {
		l.t.Fatal(err)
	}
	held := map[string]string{}
	for k, v := range l.past[len(l.past)-1].held {
		held[k] = v
	}
	for _, o := range ops {
		if o.Kind == api.Put {
			held[o.Key] = string(o.Value)
		} else {
			delete(held, o.Key)
		}
	}
	l.past = append(l.past, past{time.Now(), held})
}

func put(key, value string) api.Op {
	return api.Op{Kind: api.Put, Key: key, Value: []byte(value)}
}
func get(key string) api.Op { return api.Op{Kind: api.Get, Key: key} }
func scan(key, end string) api.Op {
	return api.Op{Kind: api.Scan, Key: key, End: end}
}

// answerOf is the plainest answer to an operation there can be.
func answerOf(held map[string]string, o api.Op) string {
	var all []string
	for k := range held {
		if o.Kind == api.Get && k == o.Key || o.Kind == api.Scan && api.Partition(k) == api.Partition(o.Key) && k >= o.Key && (o.End == "" || k < o.End) {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	if o.Reverse {
		slices.Reverse(all)
	}
	if o.Limit > 0 && len(all) > o.Limit {
		all = all[:o.Limit]
	}
	for i, k := range all {
		all[i] += "=" + short(held[k])
	}
	return strings.Join(all, " ")
}

func short(v string) string { return fmt.Sprintf("%.12s", v) }

func said(a *Answer) string {
	var all []string
	for _, r := range a.Records {
		all = append(all, r.Key+"="+short(string(r.Value)))
	}
	return strings.Join(all, " ")
}

// judge says what is wrong with an answer: it must have been right at some instant between the bound before the call and
// now, and at one not longer ago than it says.
func (l *lab) judge(o api.Op, a *Answer, invoked time.Time, bound time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	held := func(since time.Time) bool { // at some instant from then on
		for i := len(l.past) - 1; i >= 0; i-- {
			if answerOf(l.past[i].held, o) == said(a) {
				return true
			}
			if l.past[i].from.Before(since) { // what was replaced at that very instant counts
				return false
			}
		}
		return false
	}
	switch {
	case !held(invoked.Add(-bound)):
		return fmt.Errorf("%s %s: %q was not so at any time from %s before the call on; it said that it was %s old, from %q",
			o.Kind, o.Key, said(a), bound, a.Age, a.From)
	case a.Age == 0 && !held(invoked) || a.Age > 0 && !held(now.Add(-a.Age)):
		return fmt.Errorf("%s %s: %q is older than the %s that it says, from %q", o.Kind, o.Key, said(a), a.Age, a.From)
	case a.Age > bound:
		return fmt.Errorf("%s %s: it says that it is %s old", o.Kind, o.Key, a.Age)
	}
	return nil
}
