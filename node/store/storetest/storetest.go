// Package storetest serves api.Store from one group's state in memory, without raft, for tests of
// what stands on the store.
//
// Invariants: each write is a command of the store's own session, encoded and applied as in a group; time
// stands still but for Tick; a fault is injected only where Fail's hook says so.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/store/state"
)

// Fault is an error that a call returns instead of its reply.
type Fault struct {
	Err   error
	After bool // the transaction takes effect first
}

// Store is an api.Store. It may be used by many goroutines.
type Store struct {
	t     testing.TB
	state *state.State

	mu        sync.Mutex // held while commands are applied
	index     uint64
	session   uint64
	sequence  uint64
	age       time.Duration
	hook      func(*api.Txn) *Fault
	committed int
}

// batch bounds how many events are read at once.
const batch = 100

// New returns an empty store, which lives as long as the test.
func New(t testing.TB) *Store {
	t.Helper()
	db, err := pebble.Open("db", &pebble.Options{FS: vfs.NewMem(), Logger: quiet{}, FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &Store{t: t}
	if s.state, err = state.Open(db, 1); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open()
	return s
}

type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Fail asks hook before each transaction, stale ones included, whether it fails and how; nil for no fault.
// Hooks are called by one goroutine at a time.
func (s *Store) Fail(hook func(*api.Txn) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Tick lets the group's clock go on.
func (s *Store) Tick(elapsed time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(&state.Command{Kind: state.Tick, Elapsed: uint64(elapsed.Milliseconds())})
	s.open() // the old session may be over
}

// Trim forgets the history before a revision.
func (s *Store) Trim(before uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(&state.Command{Kind: state.Trim, Before: before})
}

// SetAge sets the age of stale reads.
func (s *Store) SetAge(age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age = age
}

// Revision returns the revision of the last change.
func (s *Store) Revision() uint64 {
	last, _ := s.state.Revision()
	return last
}

// Writes returns how many transactions that write were applied.
func (s *Store) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed
}

// open opens another session.
func (s *Store) open() {
	s.session, s.sequence = s.apply(&state.Command{Kind: state.OpenSession}).Session, 0
}

func (s *Store) apply(c *state.Command) state.Outcome {
	data, err := c.Encode()
	if err != nil {
		panic(err) // the command was validated, so it is a defect of this package
	}
	s.index++
	outcomes, err := s.state.Apply([]state.Entry{{Index: s.index, Term: 1, Data: data}})
	if err != nil {
		panic(err)
	}
	return outcomes[0]
}

// Txn runs a transaction.
func (s *Store) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run(ctx, t)
}

func (s *Store) run(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, api.Errorf(api.Unavailable, "run a transaction", "", "%s", err)
	}
	var fault *Fault
	if s.hook != nil {
		fault = s.hook(t)
	}
	if fault != nil && !fault.After {
		return nil, fault.Err
	}
	reply, err := s.take(t)
	if fault != nil {
		return nil, fault.Err
	}
	return reply, err
}

func (s *Store) take(t *api.Txn) (*api.Reply, error) {
	if t.ReadOnly() {
		return s.state.Read(t)
	}
	s.committed++
	s.sequence++
	done := s.apply(&state.Command{Kind: state.RunTxn, Request: api.Request{Session: s.session, Sequence: s.sequence, Answered: s.sequence - 1, Txn: *t}})
	if done.Err != nil {
		return nil, done.Err
	}
	return done.Reply, nil
}

// ReadStale runs a transaction that only reads.
func (s *Store) ReadStale(ctx context.Context, t *api.Txn) (*api.StaleReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.ReadOnly() {
		return nil, api.Errorf(api.BadRequest, "read", "", "the transaction writes")
	}
	reply, err := s.run(ctx, t)
	if err != nil {
		return nil, err
	}
	return &api.StaleReply{Reply: *reply, Age: s.age}, nil
}

// Events returns what happened to a range of keys.
func (s *Store) Events(ctx context.Context, w *api.Watch) (*api.Events, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	from := w.From
	if from == 0 {
		from = s.Revision() + 1
	}
	for {
		changed := s.state.Changed()
		events, next, err := s.state.Events(from, batch)
		if err != nil {
			return nil, err
		}
		found := &api.Events{Next: next}
		for _, e := range events {
			if w.Holds(e.Record.Key) {
				found.Events = append(found.Events, e)
			}
		}
		if len(found.Events) > 0 {
			return found, nil
		}
		if from = next; from <= s.Revision() {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, nil
		}
	}
}

// GroupOf says that one group holds all partitions.
func (s *Store) GroupOf(context.Context, string) (uint32, error) { return 1, nil }

// Follow returns which keys of some partitions have changed.
func (s *Store) Follow(ctx context.Context, f *api.Follow) (*api.Changes, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	asked, ask, fromNow := time.Now(), *f, f.From == 0
	patience, cancel := context.WithTimeout(ctx, f.Wait)
	defer cancel()
	for {
		changed := s.state.Changed()
		found, err := s.state.Follow(ctx, &ask, batch)
		if err != nil {
			return nil, err
		}
		if found.Asked = asked; len(found.Changes) > 0 || fromNow {
			return found, nil
		}
		ask.From = found.Next
		select {
		case <-changed:
		case <-patience.Done():
			return found, nil
		}
	}
}
