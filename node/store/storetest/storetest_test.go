package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"picloud/node/api"
)

var (
	_ api.Store = (*Store)(nil)
	_ api.Feed  = (*Store)(nil)
)

func put(key string, ttl time.Duration) *api.Txn {
	return &api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: []byte("v"), TTL: ttl.Milliseconds()}}}
}

// there tells whether a key is.
func there(t *testing.T, s *Store, key string) bool {
	t.Helper()
	reply, err := s.Txn(context.Background(), &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
	if err != nil {
		t.Fatal(err)
	}
	return len(reply.Results[0].Records) == 1
}

func TestFaultsComeBeforeOrAfterTheEffect(t *testing.T) {
	s, ctx := New(t), context.Background()
	for _, after := range []bool{false, true} {
		s.Fail(func(*api.Txn) *Fault { return &Fault{api.Errorf(api.Unknown, "try", "", ""), after} })
		if _, err := s.Txn(ctx, put("a", 0)); api.KindOf(err) != api.Unknown {
			t.Error(err)
		}
		if s.Fail(nil); there(t, s, "a") != after {
			t.Errorf("the fault after the effect: %t, and it is there: %t", after, !after)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Txn(ended, put("b", 0)); api.KindOf(err) != api.Unavailable || there(t, s, "b") {
		t.Error(err)
	}
}

func TestTimeGoesOnWhenItIsTold(t *testing.T) {
	s, ctx := New(t), context.Background()
	if _, err := s.Txn(ctx, put("a", 3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s.Tick(2 * time.Hour); !there(t, s, "a") {
		t.Error("gone too early")
	}
	if _, err := s.Txn(ctx, put("b", 0)); err != nil { // although a session does not live that long
		t.Error(err)
	}
	if s.Tick(time.Hour); there(t, s, "a") {
		t.Error("still there")
	}
}

func TestEventsAreWaitedForAndFiltered(t *testing.T) {
	s, ctx := New(t), context.Background()
	watch := &api.Watch{Key: "a/", From: 1}
	got := make(chan *api.Events)
	go func() {
		events, err := s.Events(ctx, watch)
		if err != nil {
			t.Error(err)
		}
		got <- events
	}()
	for _, key := range []string{"b/1", "a", "a/1"} {
		if _, err := s.Txn(ctx, put(key, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if e := <-got; len(e.Events) != 1 || e.Events[0].Record.Key != "a/1" || e.Next != 4 {
		t.Errorf("%+v", e)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if e, err := s.Events(ended, &api.Watch{Key: "c", From: 1}); err != nil || len(e.Events) != 0 || e.Next != 4 {
		t.Errorf("%+v, %v", e, err)
	}
	s.Trim(3)
	if _, err := s.Events(ctx, watch); api.KindOf(err) != api.Compacted {
		t.Error(err)
	}
}

func TestChangesOfSomePartitionsAreFollowed(t *testing.T) {
	s, ctx := New(t), context.Background()
	begin, err := s.Follow(ctx, &api.Follow{Partitions: []string{"a", "c"}, Wait: api.MaxFollowWait})
	if err != nil || begin.Next != 1 || len(begin.Changes) > 0 || !begin.Current {
		t.Fatalf("from now on: %+v, %v", begin, err)
	}
	for _, key := range []string{"b/1", "a/1", "ab", "c"} {
		if _, err := s.Txn(ctx, put(key, 0)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.Follow(ctx, &api.Follow{Partitions: []string{"a", "c"}, From: begin.Next})
	want := []api.Change{{Revision: 2, Key: "a/1"}, {Revision: 4, Key: "c"}}
	if err != nil || !slices.Equal(found.Changes, want) || found.Next != 5 || !found.Current {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := s.Follow(ctx, &api.Follow{Partitions: []string{"z"}, From: 1, Wait: time.Millisecond}); err != nil || len(found.Changes) > 0 || found.Next != 5 {
		t.Errorf("nothing has changed: %+v, %v", found, err)
	}
	for i := range 3 * batch { // more than is looked at at once
		if _, err := s.Txn(ctx, put(fmt.Sprint("a/", i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	for next, all, calls := uint64(5), 0, 0; ; calls++ {
		found, err := s.Follow(ctx, &api.Follow{Partitions: []string{"a"}, From: next})
		if err != nil {
			t.Fatal(err)
		}
		all, next = all+len(found.Changes), found.Next
		if found.Current != (all == 3*batch) {
			t.Fatalf("after %d of %d changes it says that it is current: %t", all, 3*batch, found.Current)
		}
		if found.Current {
			break
		}
	}
	s.Trim(100)
	if _, err := s.Follow(ctx, &api.Follow{Partitions: []string{"a"}, From: 5}); api.KindOf(err) != api.Compacted {
		t.Errorf("what is no longer kept: %v", err)
	}
}
