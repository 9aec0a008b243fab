package queue

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/presence"
	"picloud/node/store/storetest"
)

// lab is queue servers on a store in memory, on the time of synctest. The store's own clock goes on when it is told.
type lab struct {
	t     testing.TB
	store *storetest.Store
	slow  slowReads // the store as servers see it
}

func newLab(t testing.TB) *lab {
	s := storetest.New(t)
	return &lab{t: t, store: s, slow: slowReads{Store: s}}
}

// slowReads is a store whose leader has not yet applied what other members tell of in events, and of which a group may have no leader.
type slowReads struct {
	*storetest.Store
	mu    sync.Mutex
	old   *api.Reply    // what the next read finds
	stuck string        // writes of this partition
	again chan struct{} // wait until this is closed
}

// stick has writes of a partition wait, until the function that it returns is called.
func (s *slowReads) stick(partition string) (loose func()) {
	again := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck, s.again = partition, again
	return func() { close(again) }
}

// wait waits as long as writes of a partition are stuck.
func (s *slowReads) wait(ctx context.Context, t *api.Txn) error {
	s.mu.Lock()
	stuck, again := s.stuck, s.again
	s.mu.Unlock()
	if again == nil || t.ReadOnly() || api.Partition(t.Then[0].Key) != stuck {
		return nil
	}
	select {
	case <-again:
		return nil
	case <-ctx.Done():
		return api.Errorf(api.Unknown, "write", t.Then[0].Key, "%s", ctx.Err())
	}
}

// Txn answers the next read as of when it was remembered.
func (s *slowReads) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	s.mu.Lock()
	old := s.old
	if t.ReadOnly() {
		s.old = nil
	}
	s.mu.Unlock()
	if old != nil && t.ReadOnly() {
		return old, nil
	}
	if err := s.wait(ctx, t); err != nil {
		return nil, err
	}
	return s.Store.Txn(ctx, t)
}

// remember has the next read find what these operations find now.
func (s *slowReads) remember(t testing.TB, ops ...api.Op) {
	t.Helper()
	reply, err := s.Store.Txn(t.Context(), &api.Txn{Then: ops})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old = reply
}

// labServer is a server that runs.
type labServer struct {
	*lab
	*Server
	registry *prometheus.Registry
	end      func()
}

// labConfig has the queue mail in two partitions, and slow beside it in the same.
func labConfig() Config {
	app := api.Partitions{Namespace: "app", Count: 2}
	return Config{Port: "9100", Queues: []Queue{{Name: "mail", Partitions: app, Attempts: 3}, {Name: "slow", Partitions: app}}}
}

// serve begins a server and waits until it looks after what is its.
func (l *lab) serve(c Config) *labServer {
	l.t.Helper()
	return l.begin(c, func(ctx context.Context, s *Server) {
		var all sync.WaitGroup
		defer all.Wait()
		all.Go(func() {
			_ = presence.Announce(ctx, l.store, s.log, presence.Instance{Service: Service, ID: s.id, Address: s.address}, nil)
		})
		s.lookAfter(ctx)
	})
}

// greedy begins a server that thinks that all partitions are its own, of which the others know nothing.
func (l *lab) greedy(c Config) *labServer {
	l.t.Helper()
	return l.begin(c, func(ctx context.Context, s *Server) {
		var all sync.WaitGroup
		for _, p := range s.partitions() {
			all.Go(func() { newCaretaker(s, p).run(ctx) })
		}
		all.Wait()
	})
}

func (l *lab) begin(c Config, run func(context.Context, *Server)) *labServer {
	l.t.Helper()
	s := &labServer{lab: l, registry: prometheus.NewRegistry()}
	var err error
	if s.Server, err = New(c, "pi-1", &l.slow, s.registry, slog.New(slog.DiscardHandler)); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { run(ctx, s.Server) })
	s.end = sync.OnceFunc(func() { cancel(); all.Wait(); s.rest() })
	l.t.Cleanup(s.end)
	synctest.Wait()
	return s
}

// ask sends a request, and returns the status and the answer.
func (s *labServer) ask(method, path, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// must sends a request that goes well.
func (s *labServer) must(method, path string, body, into any) {
	s.t.Helper()
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		text = string(b)
	}
	status, answer := s.ask(method, path, text)
	if status != http.StatusOK {
		s.t.Fatalf("%s %s %s: status %d, %s", method, path, text, status, answer)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (r *reserved) settling() settling {
	return settling{Queue: r.Queue, Partition: r.Partition, ID: r.ID, Token: r.Token}
}

// pass lets time go by, on all clocks.
func (l *lab) pass(d time.Duration) {
	l.store.Tick(d)
	time.Sleep(d)
	synctest.Wait()
}
