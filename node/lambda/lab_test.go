package lambda

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/host/hosttest"
	"picloud/node/metricstest"
	"picloud/node/presence"
	"picloud/node/queue"
)

// lab is a server before a desk, on the time of synctest.
type lab struct {
	t        *testing.T
	desk     *desk
	registry *prometheus.Registry
	server   *Server
	network  func(string) *hosttest.Memory
	log      *safeBuffer
	services chan []presence.Instance
	stop     func() // ends the server, and waits for it
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

func newLab(t *testing.T, c Config, jobs ...queue.Job) *lab {
	t.Helper()
	l := &lab{t: t, desk: newDesk(), registry: prometheus.NewRegistry(), network: hosttest.NewMemory(), log: &safeBuffer{}, services: make(chan []presence.Instance)}
	l.desk.put(jobs...)
	var err error
	if l.server, err = New(c, l.desk, l.network("pi-1"), l.registry, slog.New(slog.NewTextHandler(l.log, nil))); err != nil {
		t.Fatal(err)
	}
	return l
}

// begin lets the server run until the test's end, or stop.
func (l *lab) begin() *lab {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.server.run(ctx, func(_ string, tell func([]presence.Instance)) {
			for {
				select {
				case list := <-l.services:
					tell(list)
				case <-ctx.Done():
					return
				}
			}
		})
	}()
	l.stop = func() { cancel(); <-ended }
	l.t.Cleanup(l.stop)
	return l
}

// stopsIn stops the node, which must take just so long.
func (l *lab) stopsIn(want time.Duration) {
	l.t.Helper()
	began := time.Now()
	l.stop()
	if took := time.Since(began); took != want {
		l.t.Errorf("it took %s, not %s", took, want)
	}
}

// expect compares how attempts have ended, in any order.
func (l *lab) expect(want ...string) {
	l.t.Helper()
	got := l.desk.ends()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Errorf("attempts have ended so: %q\nwhere this is expected: %q", got, want)
	}
}

func (l *lab) metric(name string, labels ...string) float64 {
	l.t.Helper()
	return metricstest.Sum(l.t, l.registry, "picloud_lambda_"+name, labels...)
}

// expectMetric compares a metric.
func (l *lab) expectMetric(want float64, name string, labels ...string) {
	l.t.Helper()
	if got := l.metric(name, labels...); got != want {
		l.t.Errorf("%s %v is %v, want %v", name, labels, got, want)
	}
}

func (l *lab) expectLog(parts ...string) {
	l.t.Helper()
	for _, p := range parts {
		if !strings.Contains(l.log.text(), p) {
			l.t.Errorf("the log does not say %q:\n%s", p, l.log.text())
		}
	}
}

// do is a function of the queue work.
type do = func(context.Context, *Run) (*Effect, error)

func of(kind string, f do) Function { return Function{Queue: "work", Kind: kind, Do: f} }

func job(kind string) queue.Job { return queue.Job{Queue: "work", Kind: kind} }

// after takes some time, and ends early with its context.
func after(d time.Duration) do {
	return func(ctx context.Context, _ *Run) (*Effect, error) {
		select {
		case <-time.After(d):
			return nil, nil
		case <-ctx.Done():
			return nil, errors.New("it was told to stop")
		}
	}
}

// deaf takes some time whatever its context says.
func deaf(d time.Duration) do {
	return func(context.Context, *Run) (*Effect, error) {
		time.Sleep(d)
		return wrote(1), nil
	}
}

// story runs a test on a time of its own.
func story(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// pass lets time go by, and all that happens in it end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
