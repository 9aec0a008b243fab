package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/cache"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/lambda"
	"picloud/node/metricstest"
	"picloud/node/presence"
	"picloud/node/store/storetest"
	"picloud/node/wait"
	"picloud/node/web"
)

// toy is an application that does what a test says.
type toy struct {
	handler http.HandlerFunc
	run     func(context.Context) error
	ill     atomic.Bool
}

func (a *toy) Handler() http.Handler { return a.handler }

func (a *toy) Functions() []lambda.Function { return nil }

func (a *toy) Run(ctx context.Context) error {
	if a.run != nil {
		return a.run(ctx)
	}
	<-ctx.Done()
	return nil
}

func (a *toy) Healthy(context.Context) error {
	if a.ill.Load() {
		return errors.New("it has a cold")
	}
	return nil
}

// lab is an instance that runs on loopback.
type lab struct {
	t        *testing.T
	url      string
	registry *prometheus.Registry
	known    chan string // what those who follow the service are told
	end      func()      // lets the instance end, and waits for it
}

func newLab(t *testing.T, c Config, create New) *lab {
	t.Helper()
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Address: "127.0.0.1", Machines: map[string]string{"pi-1": "127.0.0.1"}, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h.Log = slog.New(slog.DiscardHandler)
	c.Name, c.Port = "toy", hosttest.FreePort(t)
	l := &lab{t: t, url: "http://" + net.JoinHostPort("127.0.0.1", c.Port), registry: prometheus.NewRegistry(), known: make(chan string, 100)}
	m, err := NewMetrics(l.registry)
	if err != nil {
		t.Fatal(err)
	}
	store := storetest.New(t)
	s, err := NewServer(c, h, store, cache.Direct(store), nil, nil, m, create)
	if err != nil {
		t.Fatal(err)
	}
	following, unfollow := context.WithCancel(context.Background())
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		presence.Follow(following, store, h.Log, "toy", func(list []presence.Instance) {
			text := ""
			for _, i := range list {
				text += i.Address + fmt.Sprintf(" draining=%v ", i.Draining)
			}
			l.known <- text
		})
	}()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	l.end = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(func() { l.end(); unfollow(); <-followed })
	return l
}

// of makes an application that is there already.
func of(a *toy) New { return func(Kit) (App, error) { return a, nil } }

// expect waits until those who follow are told something that holds a text; nothing if it is empty.
func (l *lab) expect(part string) {
	l.t.Helper()
	var heard []string
	for {
		select {
		case text := <-l.known:
			if part == "" && text == "" || part != "" && strings.Contains(text, part) {
				return
			}
			heard = append(heard, text)
		case <-time.After(20 * time.Second):
			l.t.Fatalf("told %q, and nothing that says %q", heard, part)
		}
	}
}

func (l *lab) ask(method, path, body string, headers ...string) (status int, text string, err error) {
	r, err := http.NewRequest(method, l.url+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return a.StatusCode, strings.TrimSpace(string(b)), err
}

func (l *lab) metric(name string) float64 {
	l.t.Helper()
	return metricstest.Sum(l.t, l.registry, name)
}

func TestAnInstanceIsKnownWhileItIsWell(t *testing.T) {
	a := &toy{handler: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }}
	l := newLab(t, Config{Drain: 50 * time.Millisecond}, of(a))
	l.expect("draining=false")
	if status, text, err := l.ask("GET", "/", ""); status != 200 || text != "hello" || err != nil {
		t.Errorf("status %d, %q, %v", status, text, err)
	}
	a.ill.Store(true)
	if status, text, err := l.ask("GET", "/healthz", ""); status != 503 || !strings.Contains(text, "it has a cold") || err != nil {
		t.Errorf("an ill one's health: status %d, %q, %v", status, text, err)
	}
	l.expect("")
	a.ill.Store(false)
	l.expect("draining=false")
	l.end()
	l.expect("draining=true")
	l.expect("")
}

// TestAnInstanceThatEndsAnswersWhatItHasBegun, and serves while load balancers hear of its end.
func TestAnInstanceThatEndsAnswersWhatItHasBegun(t *testing.T) {
	begun := make(chan struct{}, 10)
	l := newLab(t, Config{Drain: 300 * time.Millisecond}, of(&toy{handler: func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		if r.URL.Path == "/slow" {
			wait.For(r.Context(), 600*time.Millisecond)
		}
		fmt.Fprint(w, "done")
	}}))
	l.expect("draining=false")
	slow := make(chan string)
	go func() {
		_, text, err := l.ask("GET", "/slow", "")
		slow <- fmt.Sprint(text, " ", err)
	}()
	<-begun
	ended := make(chan struct{})
	go func() { l.end(); close(ended) }()
	l.expect("draining=true")
	if _, text, err := l.ask("GET", "/", ""); text != "done" || err != nil {
		t.Errorf("while it drains: %q, %v", text, err)
	}
	if got := <-slow; got != "done <nil>" {
		t.Errorf("what it had begun: %s", got)
	}
	<-ended
	if _, _, err := l.ask("GET", "/", ""); err == nil {
		t.Error("it serves after its end")
	}
}

func TestAPanicEndsItsRequestAlone(t *testing.T) {
	l := newLab(t, Config{Drain: time.Millisecond}, of(&toy{handler: func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late":
			fmt.Fprint(w, strings.Repeat("x", 1<<20))
			panic("too late")
		case "/failing":
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, strings.Repeat("x", 1<<20))
			panic("while it says that it has failed")
		case "/early":
			panic("early")
		}
	}}))
	l.expect("draining=false")
	if status, text, err := l.ask("GET", "/early", ""); status != 500 || !strings.Contains(text, `"internal"`) || err != nil {
		t.Errorf("status %d, %q, %v", status, text, err)
	}
	for _, path := range []string{"/late", "/failing"} {
		if _, _, err := l.ask("GET", path, ""); err == nil {
			t.Errorf("an answer of %s that a panic has cut off looks whole", path)
		}
	}
	if status, _, err := l.ask("GET", "/", ""); status != 200 || err != nil {
		t.Errorf("the next request: status %d, %v", status, err)
	}
	if n := l.metric("picloud_app_panics_total"); n != 3 {
		t.Errorf("metrics show %v panics", n)
	}
}

func TestRequestsHaveTheTimeAndTheSizeThatTheyMay(t *testing.T) {
	l := newLab(t, Config{Drain: time.Millisecond, MaxBody: 10}, of(&toy{handler: func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		end, _ := r.Context().Deadline()
		fmt.Fprint(w, time.Until(end).Round(time.Second))
	}}))
	l.expect("draining=false")
	if _, text, err := l.ask("GET", "/", "", web.TimeoutHeader+": 7000"); text != "7s" || err != nil {
		t.Errorf("it has %s, %v", text, err)
	}
	if _, text, err := l.ask("GET", "/", "", web.TimeoutHeader+": soon"); text != "30s" || err != nil {
		t.Errorf("it has %s, %v", text, err)
	}
	if status, _, err := l.ask("POST", "/", "0123456789x"); status != 413 || err != nil {
		t.Errorf("11 bytes where 10 may come: status %d, %v", status, err)
	}
}

func TestABackgroundPartThatEndsIsRunAgain(t *testing.T) {
	var n atomic.Int64
	l := newLab(t, Config{Drain: time.Millisecond}, of(&toy{
		handler: func(http.ResponseWriter, *http.Request) {},
		run: func(ctx context.Context) error {
			switch n.Add(1) {
			case 1:
				return errors.New("not yet")
			case 2:
				panic("not yet either")
			}
			<-ctx.Done()
			return nil
		},
	}))
	for began := time.Now(); n.Load() < 3; time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("it was run %d times", n.Load())
		}
	}
	if l.metric("picloud_app_restarts_total") != 2 || l.metric("picloud_app_panics_total") != 1 {
		t.Error("metrics do not show it")
	}
}

// TestAProgramOfItsOwn is this test binary, which serves HTTP until it is asked to end.
func TestAProgramOfItsOwn(t *testing.T) {
	l := newLab(t, Config{Drain: 50 * time.Millisecond, Program: &host.Program{Path: os.Args[0], Env: map[string]string{"PICLOUD_TEST_PROGRAM": "hello"}}}, nil)
	l.expect("draining=false")
	_, first, err := l.ask("GET", "/", "")
	if err != nil || !strings.HasPrefix(first, "hello ") {
		t.Fatalf("%q, %v", first, err)
	}
	if _, _, err := l.ask("GET", "/exit", ""); err == nil {
		t.Fatal("the program did not end")
	}
	for {
		_, text, err := l.ask("GET", "/", "")
		if err == nil && text != first {
			break // another process answers
		}
		time.Sleep(10 * time.Millisecond)
	}
	if l.metric("picloud_app_restarts_total") == 0 {
		t.Error("metrics do not show that it was started again")
	}
	l.end()
	if _, _, err := l.ask("GET", "/", ""); err == nil {
		t.Error("the program outlives its instance")
	}
}

func TestMain(m *testing.M) {
	if text := os.Getenv("PICLOUD_TEST_PROGRAM"); text != "" {
		fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/exit" {
				os.Exit(3)
			}
			fmt.Fprint(w, text, " ", os.Getpid())
		})))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	for want, c := range map[string]Config{
		"name is":          {Name: "Toy", Port: "80"},
		"is not a port":    {Name: "toy", Port: "http"},
		"has no path":      {Name: "toy", Port: "80", Program: &host.Program{}},
		"no options":       {Name: "toy", Port: "80", Program: &host.Program{Path: "/x"}, Options: map[string]string{"a": "b"}},
		"the largest body": {Name: "toy", Port: "80", MaxBody: -1},
		"a time is":        {Name: "toy", Port: "80", Grace: -1},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, where %q is expected", err, want)
		}
	}
}
