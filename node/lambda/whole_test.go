package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host/hosttest"
	"picloud/node/queue"
	"picloud/node/store/storetest"
	"picloud/node/wait"
)

// world is a store, a queue server and nodes that run functions, in memory and on the time of synctest.
type world struct {
	t       *testing.T
	store   *storetest.Store
	network func(string) *hosttest.Memory
	cancel  context.CancelFunc
	ctx     context.Context
	all     sync.WaitGroup
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: storetest.New(t), network: hosttest.NewMemory()}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.all.Go(func() {
		for wait.For(w.ctx, time.Second) {
			w.store.Tick(time.Second)
		}
	})
	c := queue.Config{Port: "9100", Queues: []queue.Queue{{Name: "work", Partitions: api.Partitions{Namespace: "home", Count: 3}, Attempts: 50, BackoffMost: 10 * time.Second}}}
	q, err := queue.New(c, "pi-q", w.store, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.network("pi-q").Listen("tcp", ":9100")
	if err != nil {
		t.Fatal(err)
	}
	w.all.Go(func() { _ = q.Run(w.ctx, l) })
	t.Cleanup(func() { w.cancel(); w.all.Wait() })
	return w
}

// node begins a node that runs functions. End stops it, as a node is stopped; the world's end does so as well.
func (w *world) node(name string, functions ...Function) (end func()) {
	quiet := slog.New(slog.DiscardHandler)
	client := queue.NewClient(w.network(name), w.store, quiet)
	s, err := New(Config{Functions: functions}, client, w.network(name), prometheus.NewRegistry(), quiet)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.ctx)
	known, forget := context.WithCancel(context.Background())
	var mine sync.WaitGroup
	mine.Go(func() { client.Run(known) })
	mine.Go(func() { defer forget(); _ = s.Run(ctx, w.store) })
	end = func() { stop(); mine.Wait() }
	w.all.Go(mine.Wait)
	return end
}

// numberAt reads a number, and the comparison that it stays so.
func numberAt(ctx context.Context, s api.Store, key string) (n int, same api.Compare, _ error) {
	reply, err := s.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
	if err != nil {
		return 0, same, err
	}
	same = api.Compare{Key: key, What: api.Modified, Is: "="}
	for _, r := range reply.Results[0].Records {
		same.Number = r.Modified
		n, err = strconv.Atoi(string(r.Value))
	}
	return n, same, err
}

func set(key string, n int) api.Op {
	return api.Op{Kind: api.Put, Key: key, Value: []byte(strconv.Itoa(n))}
}

// TestEveryJobCountsOnce, in its own partition and in another, while the store forgets answers, functions take too long, and nodes come and go.
func TestEveryJobCountsOnce(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { story(t, func(t *testing.T) { countOnce(t, rand.New(rand.NewPCG(seed, 0))) }) })
	}
}

func countOnce(t *testing.T, r *rand.Rand) {
	const jobs = 60
	var mu sync.Mutex
	chance := func(percent int) bool { mu.Lock(); defer mu.Unlock(); return r.IntN(100) < percent }
	w := newWorld(t)
	count := func(ctx context.Context, run *Run) (*Effect, error) {
		if chance(10) {
			time.Sleep(20 * time.Second) // whatever its context says
		}
		_, _, err := Once(ctx, w.store, "home:02", run.ID, "elsewhere", &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "home:02/" + run.ID, Value: []byte("x")}}})
		if err != nil {
			return nil, err
		}
		if chance(10) {
			panic("by chance")
		}
		n, same, err := numberAt(ctx, w.store, run.Partition+"/n")
		if err != nil {
			return nil, err
		}
		return &Effect{If: []api.Compare{same}, Then: []api.Op{set(run.Partition+"/n", n+1)}}, nil
	}
	f := of("count", count)
	f.Deadline = 10 * time.Second
	w.node("pi-1", f)
	end := w.node("pi-2", f)
	for i := range jobs {
		j := job("count")
		ops, err := j.Put(fmt.Sprintf("home:%02x", i%2))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.Txn(t.Context(), &api.Txn{Then: ops}); err != nil {
			t.Fatal(err)
		}
	}
	w.store.Fail(func(x *api.Txn) *storetest.Fault {
		if x.ReadOnly() || !chance(10) {
			return nil
		}
		return &storetest.Fault{Err: api.Errorf(api.Unknown, "write", "", ""), After: chance(50)}
	})
	for i := range 4 {
		time.Sleep(15 * time.Second)
		end()
		end = w.node("pi-2", f)
		if i == 3 {
			w.store.Fail(nil)
		}
	}
	sum := 0
	for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
		sum = 0
		for _, p := range []string{"home:00", "home:01"} {
			n, _, err := numberAt(t.Context(), w.store, p+"/n")
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		if sum >= jobs {
			break
		}
	}
	time.Sleep(time.Minute) // for those that are not done with it
	if sum != jobs {
		t.Errorf("%d jobs were counted, of %d", sum, jobs)
	}
	reply, err := w.store.Txn(t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: "home:02/", End: "home:02/\xff"}}})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for _, x := range reply.Results[0].Records {
		if steps++; x.Version != 1 || !strings.HasPrefix(x.Key, "home:02/") {
			t.Errorf("the step of %s was done %d times", x.Key, x.Version)
		}
	}
	if steps != jobs {
		t.Errorf("%d steps were done, of %d", steps, jobs)
	}
}

// TestJobsOfOneNameAreDifferentJobs: what one has done once the next one does too.
func TestJobsOfOneNameAreDifferentJobs(t *testing.T) {
	story(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		failed := map[string]bool{}
		w.node("pi-1", of("count", func(ctx context.Context, r *Run) (*Effect, error) {
			n, _, err := numberAt(ctx, w.store, "home:02/n")
			if err != nil {
				return nil, err
			}
			if _, _, err := Once(ctx, w.store, "home:02", r.ID, "add", &api.Txn{Then: []api.Op{set("home:02/n", n+1)}}); err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			if !failed[r.ID] {
				failed[r.ID] = true
				return nil, fmt.Errorf("each fails the first time")
			}
			return nil, nil
		}))
		for range 3 {
			j := job("count")
			j.Unique = "anna follows bob"
			ops, err := j.Put("home:00")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.store.Txn(t.Context(), &api.Txn{Then: ops}); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		if n, _, err := numberAt(t.Context(), w.store, "home:02/n"); err != nil || n != 3 {
			t.Errorf("three jobs have counted to %d, %v", n, err)
		}
	})
}

// TestAnEffectMayHaveAnyKey, also one that is no text, as rows behind documents have, in its conditions and its operations.
func TestAnEffectMayHaveAnyKey(t *testing.T) {
	story(t, func(t *testing.T) {
		w := newWorld(t)
		const row = "home:00/\xffrow/\xfe"
		w.node("pi-1", of("count", func(ctx context.Context, r *Run) (*Effect, error) {
			n, same, err := numberAt(ctx, w.store, row)
			return &Effect{If: []api.Compare{same}, Then: []api.Op{set(row, n+1)}}, err
		}))
		for range 3 {
			j := job("count")
			ops, err := j.Put("home:00")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.store.Txn(t.Context(), &api.Txn{Then: ops}); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		if n, _, err := numberAt(t.Context(), w.store, row); err != nil || n != 3 {
			t.Errorf("three jobs have counted to %d, %v", n, err)
		}
	})
}
