package lb

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/host/hosttest"
	"picloud/node/metricstest"
	"picloud/node/presence"
	"picloud/node/wait"
)

// lab is a load balancer before servers, in memory and on the time of synctest.
type lab struct {
	t        *testing.T
	network  func(string) *hosttest.Memory
	registry *prometheus.Registry
	balancer *Balancer
	client   *http.Client
	lists    map[string]chan []presence.Instance
	closed   map[string]time.Duration // for how long, by tenant and address

	mu   sync.Mutex
	seen map[string]int // requests by server, without questions for its health
}

// newLab routes everything to the service web where the configuration has no routes.
func newLab(t *testing.T, c Config) *lab {
	t.Helper()
	if c.Routes == nil {
		c.Routes = []Route{{Service: "web"}}
	}
	l := &lab{t: t, network: hosttest.NewMemory(), registry: prometheus.NewRegistry(), lists: map[string]chan []presence.Instance{}, seen: map[string]int{},
		closed: map[string]time.Duration{}}
	var err error
	if l.balancer, err = New(c, l.network("lb"), l, l.registry, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for service := range l.balancer.pools {
		l.lists[service] = make(chan []presence.Instance)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.balancer.run(ctx, func(service string, tell func([]presence.Instance)) {
			for {
				select {
				case list := <-l.lists[service]:
					tell(list)
				case <-ctx.Done():
					return
				}
			}
		})
	}()
	l.listen("lb", l.balancer)
	transport := &http.Transport{DialContext: l.network("client").DialContext, MaxIdleConnsPerHost: 1000}
	l.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		<-ended
	})
	return l
}

// Left tells for how long a tenant takes nothing from an address.
func (l *lab) Left(tenant, address string) time.Duration { return l.closed[tenant+" "+address] }

// listen serves on port 80 of a machine until stop is called, or the test ends.
func (l *lab) listen(machine string, h http.Handler) (stop func()) {
	listener, err := l.network(machine).Listen("tcp", ":80")
	if err != nil {
		l.t.Fatal(err)
	}
	s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(listener) }()
	stop = sync.OnceFunc(func() { _ = s.Close(); <-done })
	l.t.Cleanup(stop)
	return stop
}

// serve begins servers of the service web, called a, b and so on, and waits until they are in.
func (l *lab) serve(handlers ...http.HandlerFunc) {
	l.t.Helper()
	var list []presence.Instance
	for i, h := range handlers {
		list = append(list, l.server(string(rune('a'+i)), h))
	}
	l.tell("web", list...)
	time.Sleep(time.Millisecond)
}

// server begins a server, which is well where its handler does not say otherwise, and counts what it is sent.
func (l *lab) server(name string, h http.HandlerFunc) presence.Instance {
	l.listen(name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			l.mu.Lock()
			l.seen[name]++
			l.mu.Unlock()
		} else if h == nil {
			return
		}
		if h == nil {
			h = says("ok")
		}
		h(w, r)
	}))
	return presence.Instance{Service: "web", ID: name, Address: name + ":80"}
}

func (l *lab) tell(service string, list ...presence.Instance) { l.lists[service] <- list }

// count returns how many requests a server was sent.
func (l *lab) count(server string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[server]
}

// healthy makes a handler answer questions for its health well, and at once.
func healthy(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			h(w, r)
		}
	}
}

func says(text string) http.HandlerFunc {
	return healthy(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
}

// after makes a handler take some time, and end early when the client goes away, which shows once its body is read.
func after(d time.Duration, h http.HandlerFunc) http.HandlerFunc {
	return healthy(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if wait.For(r.Context(), d) {
			h(w, r)
		}
	})
}

func status(code int) http.HandlerFunc {
	return healthy(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

// reply is what came of a request.
type reply struct {
	status int
	body   string
	header http.Header
	took   time.Duration
}

// ask sends a request to the load balancer; headers are "Name: value".
func (l *lab) ask(method, url, body string, headers ...string) reply {
	l.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = "http://lb:80" + url
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	began := time.Now()
	a, err := l.client.Do(r)
	if err != nil {
		l.t.Error(err)
		return reply{}
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		l.t.Error(err)
	}
	return reply{a.StatusCode, strings.TrimSpace(string(b)), a.Header, time.Since(began)}
}

func (l *lab) get(path string) reply { l.t.Helper(); return l.ask("GET", path, "") }

// all sends requests at one time.
func (l *lab) all(n int, send func(i int) reply) []reply {
	replies := make([]reply, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { replies[i] = send(i) })
	}
	wait.Wait()
	return replies
}

// metric returns the sum of a metric over the series that have all of some values in their labels.
func (l *lab) metric(name string, labels ...string) float64 {
	l.t.Helper()
	return metricstest.Sum(l.t, l.registry, name, labels...)
}
