package blob

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/host/hosttest"
	"picloud/node/lambda"
	"picloud/node/queue"
	"picloud/node/wait"
)

// TestADraftThatNobodyWantsIsGoneAfterAnHour, by a queue and a node that runs functions, and a blob stays.
func TestADraftThatNobodyWantsIsGoneAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cache.Direct)
		network, quiet := hosttest.NewMemory(), slog.New(slog.DiscardHandler)
		ctx, cancel := context.WithCancel(context.Background())
		var all sync.WaitGroup
		t.Cleanup(func() { cancel(); all.Wait() })
		all.Go(func() {
			for wait.For(ctx, 3*time.Second) {
				l.store.Tick(3 * time.Second)
			}
		})
		q, err := queue.New(queue.Config{Port: "9100", Queues: []queue.Queue{{Name: "sweeps", Partitions: api.Partitions{Namespace: "home", Count: 1}}}},
			"pi-q", l.store, prometheus.NewRegistry(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		listener, err := network("pi-q").Listen("tcp", ":9100")
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { _ = q.Run(ctx, listener) })
		client := queue.NewClient(network("pi-1"), l.store, quiet)
		all.Go(func() { client.Run(ctx) })
		s, err := lambda.New(lambda.Config{Functions: []lambda.Function{l.blobs.Sweep()}}, client, network("pi-1"), l.registry, quiet)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { _ = s.Run(ctx, l.store) })

		kept := l.put(MaxBytes)
		if !l.commit(kept) {
			t.Fatal("its transaction failed")
		}
		l.put(2 * partSize)
		time.Sleep(SweepAfter - time.Minute)
		if n := len(l.rows()); n != 5+1 {
			t.Errorf("after less than an hour there are %q", l.rows())
		}
		time.Sleep(2 * time.Minute)
		if n := len(l.rows()); n != 5 {
			t.Errorf("after more than an hour there are %q", l.rows())
		}
		if _, err := l.get(kept.Handle); err != nil {
			t.Error(err)
		}
		if l.enqueued(kept.Handle.ID) {
			t.Error("a job is left")
		}
	})
}
