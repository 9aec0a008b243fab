package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// stage is a store with one who follows the rows p/a/ and p/b/.
type stage struct {
	t      *testing.T
	store  *storetest.Store
	mirror *Mirror

	mu   sync.Mutex
	rows map[string]string
	anew int
	cut  bool // the feed does not answer
}

func (s *stage) GroupOf(ctx context.Context, p string) (uint32, error) {
	return s.store.GroupOf(ctx, p)
}
func (s *stage) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) { return s.store.Txn(ctx, t) }
func (s *stage) ReadStale(ctx context.Context, t *api.Txn) (*api.StaleReply, error) {
	return s.store.ReadStale(ctx, t)
}
func (s *stage) Events(ctx context.Context, w *api.Watch) (*api.Events, error) {
	return s.store.Events(ctx, w)
}

func (s *stage) Follow(ctx context.Context, f *api.Follow) (*api.Changes, error) {
	s.mu.Lock()
	cut := s.cut
	s.mu.Unlock()
	if cut {
		return nil, errors.New("cut")
	}
	found, err := s.store.Follow(ctx, f)
	if err == nil {
		found.Current = true
	}
	return found, err
}

func (s *stage) tell(n News) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Anew {
		s.rows = map[string]string{}
		s.anew++
	}
	for i := range n.Rows {
		s.rows[n.Rows[i].Key] = string(n.Rows[i].Value)
	}
	for _, key := range n.Gone {
		delete(s.rows, key)
	}
}

// play runs a story on a stage, on a clock that goes on when nobody works.
func play(t *testing.T, story func(*stage)) {
	synctest.Test(t, func(t *testing.T) {
		scope := &storetest.Scope{TB: t}
		defer scope.End()
		s := &stage{t: t, store: storetest.New(scope)}
		var err error
		s.mirror, err = New(Config{Prefixes: []string{"p/a/", "p/b/"}, Bound: 2 * time.Second}, s, slog.New(slog.DiscardHandler), s.tell)
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.mirror.Run(ctx) }()
		defer func() { end(); <-done }()
		story(s)
	})
}

func (s *stage) put(key, value string) {
	s.t.Helper()
	if _, err := s.store.Txn(s.t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: []byte(value)}}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) remove(key string) {
	s.t.Helper()
	if _, err := s.store.Txn(s.t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Delete, Key: key}}}); err != nil {
		s.t.Fatal(err)
	}
}

// knows waits for as long as a follower may take, and compares what it was told.
func (s *stage) knows(want string) {
	s.t.Helper()
	time.Sleep(2 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for key, value := range s.rows {
		all = append(all, key+"="+value)
	}
	slices.Sort(all)
	if got := strings.Join(all, " "); got != want {
		s.t.Errorf("told %.200q, not %.200q", got, want)
	}
}

func TestRowsAreToldWithTheirChanges(t *testing.T) {
	play(t, func(s *stage) {
		s.put("p/a/1", "x")
		s.knows("p/a/1=x")
		s.put("p/b/2", "y")
		s.put("p/c/3", "of no interest")
		s.put("q/a/4", "of another partition")
		s.put("p/a/1", "z")
		s.knows("p/a/1=z p/b/2=y")
		s.remove("p/a/1")
		s.knows("p/b/2=y")
	})
}

func TestManyRowsAreReadInPages(t *testing.T) {
	play(t, func(s *stage) {
		var want []string
		for i := range 2*page + 1 {
			s.put(fmt.Sprintf("p/a/%05d", i), "x")
			want = append(want, fmt.Sprintf("p/a/%05d=x", i))
		}
		s.knows(strings.Join(want, " "))
		s.store.Trim(s.store.Revision()) // and once more, from the beginning
		s.put("p/a/00000", "y")
		want[0] = "p/a/00000=y"
		s.knows(strings.Join(want, " "))
	})
}

func TestCurrentSaysHowOldItMayBe(t *testing.T) {
	play(t, func(s *stage) {
		s.put("p/a/1", "x")
		s.knows("p/a/1=x")
		if age := time.Since(s.mirror.Current()); age > 2*time.Second {
			t.Errorf("all is well, and it is %s old", age)
		}
		s.mu.Lock()
		s.cut = true
		s.mu.Unlock()
		time.Sleep(time.Second) // the call that is under way
		cut := time.Now()
		s.put("p/a/1", "y")
		s.knows("p/a/1=x")
		time.Sleep(20 * time.Second)
		if s.mirror.Current().After(cut) {
			t.Error("it says that it knows what it cannot know")
		}
		s.mu.Lock()
		s.cut = false
		s.mu.Unlock()
		s.knows("p/a/1=y")
		if s.mirror.Current().Before(cut) {
			t.Error("it is well again and does not say so")
		}
	})
}

func TestWhoHasSleptTooLongBeginsAnew(t *testing.T) {
	play(t, func(s *stage) {
		s.put("p/a/1", "x")
		s.put("p/a/2", "x")
		s.knows("p/a/1=x p/a/2=x")
		s.mu.Lock()
		s.cut = true
		s.mu.Unlock()
		time.Sleep(time.Second)
		s.remove("p/a/1")
		s.put("p/a/2", "y")
		s.put("p/a/3", "z")
		s.store.Trim(s.store.Revision())
		s.mu.Lock()
		s.cut, s.anew = false, 0
		s.mu.Unlock()
		s.knows("p/a/2=y p/a/3=z")
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.anew != 1 {
			t.Errorf("it began anew %d times", s.anew)
		}
	})
}

func TestPrefixesLieInOnePartition(t *testing.T) {
	for _, prefixes := range [][]string{nil, {"p"}, {"p/a/", "q/a/"}} {
		if _, err := New(Config{Prefixes: prefixes, Bound: time.Second}, nil, nil, nil); err == nil {
			t.Errorf("%q were taken", prefixes)
		}
	}
}
