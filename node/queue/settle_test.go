package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/host/hosttest"
	"picloud/node/presence"
	"picloud/node/store/storetest"
	"picloud/node/web"
	"picloud/node/wire"
)

// TestWaitsGrowUpToTheirLimit: what is allowed as a configuration has a wait after each attempt that a job may have.
func TestWaitsGrowUpToTheirLimit(t *testing.T) {
	for _, q := range []Queue{
		{Backoff: time.Second, BackoffMost: 10 * time.Minute},
		{Backoff: 5 * time.Second, BackoffMost: time.Hour},
		{Backoff: time.Minute, BackoffMost: MaxDelay},
		{Backoff: MaxDelay, BackoffMost: MaxDelay},
		{Backoff: 1, BackoffMost: 3},
	} {
		most := q.Backoff
		for attempt := 1; attempt <= MaxAttempts; attempt++ {
			if got := q.backoff(attempt); got > max(most, time.Millisecond) || got < most/2 {
				t.Errorf("of %s and at most %s the wait after attempt %d is %s, not %s to %s", q.Backoff, q.BackoffMost, attempt, got, most/2, most)
			}
			most = min(2*most, q.BackoffMost)
		}
	}
}

// TestAReservationIsTreatedThoughItsServerHangs, in the time that those who run jobs have for it: a hold, and of that a fourth for a heartbeat.
func TestAReservationIsTreatedThoughItsServerHangs(t *testing.T) {
	const hold = 15 * time.Second
	for _, c := range []struct {
		verb   string
		limit  time.Duration
		others int // servers that are well
		do     func(context.Context, *Delivery) error
	}{
		{"heartbeat", hold / 4, 0, func(ctx context.Context, d *Delivery) error { return d.Heartbeat(ctx, 0) }},
		{"done", hold, 0, func(ctx context.Context, d *Delivery) error { return d.Done(ctx, nil, nil, nil) }},
		{"release", hold, 0, func(ctx context.Context, d *Delivery) error { return d.Release(ctx) }},
		{"fail", hold, 1, func(ctx context.Context, d *Delivery) error { return d.Fail(ctx, "x") }},
	} {
		t.Run(c.verb, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, network, quiet := storetest.New(t), hosttest.NewMemory(), slog.New(slog.DiscardHandler)
				well, err := New(labConfig(), "pi-1", store, prometheus.NewRegistry(), quiet)
				if err != nil {
					t.Fatal(err)
				}
				serving, stop := context.WithCancel(t.Context())
				var all sync.WaitGroup
				for name, h := range map[string]http.Handler{"pi-0": http.HandlerFunc(hangs), "pi-1": well.Handler()} {
					l, err := network(name).Listen("tcp", ":9100")
					if err != nil {
						t.Fatal(err)
					}
					all.Go(func() { _ = web.Serve(serving, wire.Detect(l), h) })
				}
				client := NewClient(network("pi-9"), store, quiet)
				client.know([]presence.Instance{{ID: "0", Address: "pi-0:9100"}, {ID: "1", Address: "pi-1:9100"}}[:1+c.others])

				job := Job{Queue: "mail", Kind: "x"}
				at, r, _ := job.put("app:00")
				o, err := alone(t.Context(), store, reserve(at, *r, 0, hold, "0"))
				if err != nil {
					t.Fatal(err)
				}
				d := &Delivery{Job: job, ID: at.id, Partition: at.partition, Token: o.revision, Hold: hold, Keeper: client, server: "pi-0:9100"}
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				if err := c.do(ctx, d); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute) // what is under way is given up
				stop()
				client.transport.CloseIdleConnections()
				all.Wait()
			})
		})
	}
}

// TestAReservationOfAPartitionThatIsNoneIsRefused: who makes the moves of a partition is kept for it, and there are as many as anybody names.
func TestAReservationOfAPartitionThatIsNoneIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLab(t).serve(labConfig())
		known := len(s.writers)
		for _, verb := range verbs() {
			for _, partition := range []string{"app:02", "app:1", "app:001", "app:+1", "app:", "shop:00", "elsewhere"} {
				if status, answer := s.ask(http.MethodPost, "/v1/"+verb, fmt.Sprintf(`{"queue":"mail","partition":%q,"id":"0//t0-0","token":1}`, partition)); status != 400 {
					t.Errorf("%s in %s: status %d, %s", verb, partition, status, answer)
				}
			}
			if status, answer := s.ask(http.MethodPost, "/v1/"+verb, `{"queue":"mail","partition":"app:01","id":"0//t0-0","token":1}`); status != 404 {
				t.Errorf("%s of a job that is none: status %d, %s", verb, status, answer)
			}
		}
		if n := len(s.writers); n > known+1 {
			t.Errorf("%d more write", n-known)
		}
	})
}
