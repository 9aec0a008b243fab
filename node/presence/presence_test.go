package presence

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// stage is a store with one who follows the service "web".
type stage struct {
	t     *testing.T
	store *storetest.Store
	told  chan string
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, store: storetest.New(t), told: make(chan string, 100)}
	s.begin(func(ctx context.Context) {
		Follow(ctx, s.store, slog.New(slog.DiscardHandler), "web", func(list []Instance) {
			var names []string
			for _, i := range list {
				name := i.ID + "=" + i.Address
				if i.Weight+i.Share > 0 {
					name += fmt.Sprintf(" weight %d share %d", i.Weight, i.Share)
				}
				if i.Draining {
					name += " (draining)"
				}
				names = append(names, name)
			}
			s.told <- strings.Join(names, ", ")
		})
	})
	return s
}

// begin runs something that ends with the test, or when end is called.
func (s *stage) begin(run func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	end = func() { cancel(); <-done }
	s.t.Cleanup(end)
	return end
}

func (s *stage) announce(id, address string, drain chan struct{}) (end func()) {
	return s.begin(func(ctx context.Context) {
		i := Instance{Service: "web", ID: id, Address: address}
		if err := Announce(ctx, s.store, slog.New(slog.DiscardHandler), i, drain); err != nil {
			s.t.Error(err)
		}
	})
}

// expect waits until those who follow were told something.
func (s *stage) expect(want string) {
	s.t.Helper()
	var heard []string
	for {
		select {
		case got := <-s.told:
			if got == want {
				return
			}
			heard = append(heard, got)
		case <-time.After(10 * time.Second):
			s.t.Fatalf("told %q, and never %q", heard, want)
		}
	}
}

func TestInstancesComeDrainAndGo(t *testing.T) {
	s := newStage(t)
	s.expect("")
	drain := make(chan struct{})
	end := s.announce("a", "pi-1:80", drain)
	s.expect("a=pi-1:80")
	s.announce("b", "pi-2:80", nil)
	s.expect("a=pi-1:80, b=pi-2:80")
	close(drain)
	s.expect("a=pi-1:80 (draining), b=pi-2:80")
	end()
	s.expect("b=pi-2:80")
}

func TestInstancesWantWhatTheirNodeWants(t *testing.T) {
	s := newStage(t)
	s.expect("")
	var stance Stance
	s.begin(func(ctx context.Context) {
		i := Instance{Service: "web", ID: "a", Address: "pi-1:80"}
		if err := Announce(With(ctx, &stance), s.store, slog.New(slog.DiscardHandler), i, nil); err != nil {
			t.Error(err)
		}
	})
	s.expect("a=pi-1:80")
	stance.Set(Wants{Weight: Full / 2, Share: Full / 4})
	s.expect("a=pi-1:80 weight 500000 share 250000")
	stance.Set(Wants{Draining: true})
	s.expect("a=pi-1:80 (draining)")
	stance.Set(Wants{})
	s.expect("a=pi-1:80")
}

func TestAShareOfWhatThereIs(t *testing.T) {
	for _, c := range []struct{ share, of, want int }{{0, 16, 16}, {Full, 16, 16}, {Full / 4, 16, 4}, {Full / 4, 3, 1}, {1, 100, 1}, {Full / 2, 0, 0}} {
		if got := (Wants{Share: c.share}).Of(c.of); got != c.want {
			t.Errorf("a share of %d of %d: %d, want %d", c.share, c.of, got, c.want)
		}
	}
}

func TestWhoEndsWithoutAWordIsGoneWhenItsTimeIsOver(t *testing.T) {
	s := newStage(t)
	s.expect("")
	i := Instance{Service: "web", ID: "a", Address: "pi-1:80"}
	if err := (announcer{s.store, nil}).put(t.Context(), &i); err != nil {
		t.Fatal(err)
	}
	s.expect("a=pi-1:80")
	s.store.Tick(TimeToLive - time.Millisecond)
	if n := len(s.told); n > 0 {
		t.Fatalf("told %d times before its time was over", n)
	}
	s.store.Tick(2 * time.Millisecond)
	s.expect("")
}

func TestRefreshingTellsNobodyAnything(t *testing.T) {
	s := newStage(t)
	s.expect("")
	i := Instance{Service: "web", ID: "a", Address: "pi-1:80"}
	a := announcer{s.store, nil}
	for range 3 {
		if err := a.put(t.Context(), &i); err != nil {
			t.Fatal(err)
		}
	}
	s.expect("a=pi-1:80")
	i.Address = "pi-1:81"
	if err := a.put(t.Context(), &i); err != nil {
		t.Fatal(err)
	}
	if got := <-s.told; got != "a=pi-1:81" {
		t.Fatalf("told %q after three words that said the same", got)
	}
}

func TestTheLastKnownStandWhileTheStoreIsDown(t *testing.T) {
	s := newStage(t)
	s.expect("")
	s.announce("a", "pi-1:80", nil)
	s.expect("a=pi-1:80")
	s.store.Fail(func(*api.Txn) *storetest.Fault {
		return &storetest.Fault{Err: api.Errorf(api.Unavailable, "run", "", "the store is down")}
	})
	if err := (announcer{s.store, nil}).put(t.Context(), &Instance{Service: "web", ID: "lost", Address: "pi-9:80"}); err == nil {
		t.Fatal("the store is not down")
	}
	if n := len(s.told); n > 0 {
		t.Fatalf("told %q while the store was down", <-s.told)
	}
	s.store.Fail(nil)
	s.announce("b", "pi-2:80", nil)
	s.expect("a=pi-1:80, b=pi-2:80")
}

// TestWhoSleptForLongBeginsAnew: the history it would go on from is no longer kept.
func TestWhoSleptForLongBeginsAnew(t *testing.T) {
	store := storetest.New(t)
	a := announcer{store, nil}
	for n := range 10 {
		if err := a.put(t.Context(), &Instance{Service: "web", ID: fmt.Sprint(n % 2), Address: "pi-1:80"}); err != nil {
			t.Fatal(err)
		}
	}
	f := follower{store: store, prefix: partition + "web/", service: "web"}
	known, _, err := f.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store.Trim(8)
	if _, err = f.changes(t.Context(), known, 2); api.KindOf(err) != api.Compacted {
		t.Fatalf("going on from a revision that is gone: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ids := []string{}
	Follow(ctx, store, slog.New(slog.DiscardHandler), "web", func(list []Instance) {
		for _, i := range list {
			ids = append(ids, i.ID)
		}
		cancel()
	})
	if !slices.Equal(ids, []string{"0", "1"}) {
		t.Fatalf("followed %v", ids)
	}
}

func TestWhatNobodyCanReadIsNoInstance(t *testing.T) {
	s := newStage(t)
	s.expect("")
	s.announce("a", "pi-1:80", nil)
	s.expect("a=pi-1:80")
	_, err := s.store.Txn(t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Put, Key: partition + "web/b", Value: []byte("{")}}})
	if err != nil {
		t.Fatal(err)
	}
	s.announce("c", "pi-3:80", nil)
	s.expect("a=pi-1:80, c=pi-3:80")
}

func TestBadInstancesAreRefused(t *testing.T) {
	for _, i := range []Instance{
		{},
		{Service: "web", ID: "a"},
		{Service: "web", ID: "a", Address: "pi-1"},
		{Service: "web", ID: "a", Address: ":80"},
		{Service: "web", ID: "a", Address: "pi-1:"},
		{Service: "w/b", ID: "a", Address: "pi-1:80"},
		{Service: "web", ID: "a b", Address: "pi-1:80"},
		{Service: "web", ID: "", Address: "pi-1:80"},
		{Service: strings.Repeat("w", 129), ID: "a", Address: "pi-1:80"},
	} {
		if err := Announce(t.Context(), storetest.New(t), nil, i, nil); err == nil {
			t.Errorf("%+v is announced", i)
		}
	}
}
