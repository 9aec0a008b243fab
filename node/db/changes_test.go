package db

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/store/storetest"
	"picloud/node/web"
)

func TestALongPollWaitsForAChange(t *testing.T) {
	l := newLab(t, Config{})
	reading := make(chan struct{}, 1)
	l.store.Fail(func(x *api.Txn) *storetest.Fault { // the feed reads the revision from which it goes on
		if x.ReadOnly() {
			reading <- struct{}{}
		}
		return nil
	})
	got := make(chan answer)
	go func() { got <- l.ask(t, "GET", "/changes/app?prefix=a/x", "") }()
	<-reading
	l.ask(t, "PUT", "/v1/app/a/y", "1")
	l.ask(t, "PUT", "/v1/app/b/x", "1")
	l.ask(t, "PUT", "/v1/app/a/x1", "1")
	if a := <-got; a.status != 200 || a.body != `{"events":[{"kind":"changed","revision":3,"key":"a/x1","document":{"key":"a/x1","value":1,"version":1,"revision":3,"created":3}}],"next":4}` {
		t.Errorf("%+v", a)
	}
	l.play(t, []step{
		{"GET", "/changes/app?prefix=a&from=4&wait=1ms", "", nil, 200, `{"events":[],"next":4}`},
		{"DELETE", "/v1/app/a/y", "", nil, 200, ""},
		{"PUT", "/v1/app/a/z?ttl=1s", "1", nil, 200, ""},
	})
	l.store.Tick(time.Second)
	l.play(t, []step{{"GET", "/changes/app?prefix=a&from=4", "", nil, 200, `{"kind":"removed","revision":4,"key":"a/y"},{"kind":"changed","revision":5`}})
	l.play(t, []step{{"GET", "/changes/app?prefix=a&from=6", "", nil, 200, `{"events":[{"kind":"expired","revision":6,"key":"a/z"}],"next":7}`}})
	l.store.Trim(6)
	l.play(t, []step{
		{"GET", "/changes/app?prefix=a&from=5", "", nil, 410, `"kind":"compacted"`},
		{"GET", "/changes/app?prefix=a&from=5", "", nil, 410, `"revision":6`},
		{"GET", "/changes/app?prefix=a", "", []string{"Accept: text/event-stream", "Last-Event-ID: 4"}, 410, `"revision":6`},
	})
}

// stream is an open event stream.
type stream struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel func()
	closed func() error
}

func (l *lab) stream(t *testing.T, path string, headers ...string) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", l.web.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := reply.Header.Get("Content-Type"); got != "text/event-stream" || reply.StatusCode != 200 {
		t.Fatalf("%d %s", reply.StatusCode, got)
	}
	t.Cleanup(cancel)
	return &stream{t, bufio.NewScanner(reply.Body), cancel, reply.Body.Close}
}

// next returns the lines of the next event with data, joined with spaces.
func (s *stream) next() string {
	s.t.Helper()
	var lines []string
	for s.lines.Scan() {
		switch line := s.lines.Text(); {
		case line != "":
			lines = append(lines, line)
		case strings.Contains(strings.Join(lines, " "), "data: "):
			return strings.Join(lines, " ")
		default:
			lines = nil // a sign of life
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return ""
}

func TestAStreamTellsAllAndGoesOnWhereItWasCutOff(t *testing.T) {
	l := newLab(t, Config{MaxWait: 10 * time.Millisecond})
	s := l.stream(t, "/changes/app?prefix=a")
	l.ask(t, "POST", "/v1/app", `{"then":[{"put":"a/1","value":1},{"put":"a/2","value":2}]}`)
	one, two := s.next(), s.next()
	if !strings.HasPrefix(one, `event: changed data: {"kind":"changed","revision":1,"key":"a/1"`) {
		t.Errorf("within a revision: %s", one)
	}
	if !strings.HasPrefix(two, `id: 1 event: changed data: {"kind":"changed","revision":1,"key":"a/2"`) {
		t.Errorf("at the end of a revision: %s", two)
	}
	s.cancel()
	l.ask(t, "DELETE", "/v1/app/a/1", "")
	s = l.stream(t, "/changes/app?prefix=a", "Last-Event-ID: 1")
	if got := s.next(); got != `id: 2 event: removed data: {"kind":"removed","revision":2,"key":"a/1"}` {
		t.Errorf("gone on: %s", got)
	}
	if n := l.metric(t, "picloud_db_watchers"); n < 1 {
		t.Errorf("%f watchers", n)
	}
}

// TestFeedsAreBounded: what a node asks of the store must not wait behind those who watch.
func TestFeedsAreBounded(t *testing.T) {
	l := newLab(t, Config{})
	l.db.feeds.Store(mostFeeds - 1)
	s := l.stream(t, "/changes/app?prefix=a")
	if got := l.ask(t, "GET", "/changes/app?prefix=a&wait=10ms", ""); got.status != 503 || !strings.Contains(got.body, "512 open") {
		t.Errorf("one more is answered with %d, %s", got.status, got.body)
	}
	l.play(t, []step{{"PUT", "/v1/app/a/1", "1", nil, 200, ""}})
	if got := s.next(); !strings.Contains(got, `"key":"a/1"`) {
		t.Errorf("who watched before is told %s", got)
	}
	l.db.feeds.Add(-1)
	l.play(t, []step{{"GET", "/changes/app?prefix=a&wait=10ms", "", nil, 200, `"events":[]`}})
}

func TestAStreamEndsWithItsReason(t *testing.T) {
	calls := make(chan struct{})
	l := labOn(t, &brokenFeed{storetest.New(t), calls}, Config{})
	s := l.stream(t, "/changes/app?prefix=a&from=1")
	close(calls)
	if got := s.next(); !strings.HasPrefix(got, `event: error data: {"kind":"unavailable"`) {
		t.Errorf("%s", got)
	}
}

// brokenFeed has no events at first, and then none any more.
type brokenFeed struct {
	api.Store
	broken chan struct{}
}

func (b *brokenFeed) Events(ctx context.Context, w *api.Watch) (*api.Events, error) {
	select {
	case <-b.broken:
		return nil, api.Errorf(api.Unavailable, "watch", "", "no replica")
	case <-ctx.Done():
		return &api.Events{Next: w.From}, nil
	}
}

// TestAFeedEndsWhenItsServerStops: it has no end of its own, and other requests have their time.
func TestAFeedEndsWhenItsServerStops(t *testing.T) {
	l := newLab(t, Config{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := "http://" + listener.Addr().String()
	feedEnded, slowBegan := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("/", l.db.Handler())
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		close(slowBegan)
		select {
		case <-feedEnded:
		case <-r.Context().Done():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- web.Serve(ctx, listener, mux) }()
	l.web.URL = at
	feed := l.stream(t, "/changes/app?prefix=a")
	slow := make(chan int, 1)
	go func() {
		reply, err := http.Get(at + "/slow")
		if err != nil {
			slow <- 0
			return
		}
		reply.Body.Close()
		slow <- reply.StatusCode
	}()
	<-slowBegan
	stop()
	for feed.lines.Scan() { // up to its end
	}
	close(feedEnded)
	if got := <-slow; got != http.StatusOK {
		t.Errorf("a request that waits for the feed's end is answered by %d", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
