package lambda

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/host/hosttest"
	"picloud/node/presence"
	"picloud/node/queue"
)

// endless is a source that has always another job.
type endless struct{ left chan struct{} }

func (e endless) Reserve(ctx context.Context, queues []string, most int, _ time.Duration) (got []*queue.Delivery, _ error) {
	select {
	case <-e.left:
	case <-ctx.Done():
		return nil, nil
	}
	for {
		got = append(got, &queue.Delivery{Job: job("a"), ID: "j", Keeper: willing{}})
		if len(got) == most {
			return got, nil
		}
		select {
		case <-e.left:
		default:
			return got, nil
		}
	}
}

// willing does at once what it is asked for.
type willing struct{}

func (willing) Heartbeat(context.Context, *queue.Delivery, time.Duration) error { return nil }
func (willing) Done(context.Context, *queue.Delivery, *queue.Effect) error      { return nil }
func (willing) Fail(context.Context, *queue.Delivery, string) error             { return nil }
func (willing) Release(context.Context, *queue.Delivery) error                  { return nil }

// BenchmarkRun is what a run costs beside its function and the queue.
func BenchmarkRun(b *testing.B) {
	e := endless{make(chan struct{}, 1024)}
	var all sync.WaitGroup
	all.Add(b.N)
	f := of("a", func(context.Context, *Run) (*Effect, error) { all.Done(); return nil, nil })
	s, err := New(Config{Functions: []Function{f}}, e, hosttest.NewMemory()("pi-1"), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	b.ReportAllocs()
	b.ResetTimer()
	go func() { defer close(ended); s.run(ctx, func(string, func([]presence.Instance)) {}) }()
	for range b.N {
		e.left <- struct{}{}
	}
	all.Wait()
	b.StopTimer()
	cancel()
	<-ended
}
