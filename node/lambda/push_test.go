package lambda

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/metricstest"
	"picloud/node/presence"
	"picloud/node/queue"
	"picloud/node/store/storetest"
	"picloud/node/wait"
	"picloud/node/web"
	"picloud/node/wire"
)

// printer is a push function of the queue work.
var printer = Push{Queue: "work", Kind: "print", Service: "printer", Path: "/jobs"}

// serve serves on a machine, checked streams or plain ones, until the test's end.
func (l *lab) serve(machine string, checked bool, h http.HandlerFunc) presence.Instance {
	listener, err := l.network(machine).Listen("tcp", ":80")
	if err != nil {
		l.t.Fatal(err)
	}
	if checked {
		listener = refusing{listener}
	}
	s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(listener) }()
	l.t.Cleanup(func() { _ = s.Close(); <-ended })
	return presence.Instance{Service: "printer", ID: machine, Address: machine + ":80", Checked: checked}
}

// refusing takes checked streams only.
type refusing struct{ net.Listener }

func (l refusing) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return wire.Wrap(c), nil
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestWhatAProgramAnswers(t *testing.T) {
	const effect = `{"if":[{"key":"home:00/1","what":"version","is":"="}],"then":[{"kind":"put","key":"home:00/1","value":"aGk="}],"jobs":[{"queue":"work","kind":"print"}]}`
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"nothing", says(204, ""), "done, wrote 0"},
		{"white space", says(200, " \n"), "done, wrote 0"},
		{"an effect", says(200, effect), "done, wrote 1"},
		{"words", says(200, "ok"), "failed: push to printer-1:80: the answer is no effect: invalid character 'o' looking for beginning of value"},
		{"what is unknown", says(200, `{"than":[]}`), `failed: push to printer-1:80: the answer is no effect: json: unknown field "than"`},
		{"two effects", says(200, effect+effect), "failed: push to printer-1:80: the answer is no effect: something stands behind it"},
		{"too much", says(200, strings.Repeat(" ", mostAnswer+1)), "failed: push to printer-1:80: the answer has over 4194304 bytes"},
		{"that it cannot", says(503, "no paper\n"), `failed: push to printer-1:80: status 503: "no paper\n"`},
		{"somewhere else", says(307, ""), `failed: push to printer-1:80: status 307: ""`},
		{"nothing in time", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			wait.For(r.Context(), time.Hour)
		}, "failed: it had not returned by its deadline, after 30s"},
		{"nothing at all", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "failed: push to printer-1:80: EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T) {
				l := newLab(t, Config{Push: []Push{printer}}, job("print"))
				i := l.serve("printer-1", false, c.answer)
				l.begin()
				l.services <- []presence.Instance{i}
				pass(40 * time.Second)
				l.expect("print-1 1: " + c.want)
			})
		})
	}
}

func TestWhatAProgramIsTold(t *testing.T) {
	story(t, func(t *testing.T) {
		p := printer
		p.Deadline = 20 * time.Second
		var told string
		l := newLab(t, Config{Push: []Push{p}}, queue.Job{Queue: "work", Kind: "print", Payload: []byte("hello")})
		i := l.serve("printer-1", true, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			told = fmt.Sprintf("%s %s %s", r.Method, r.URL, body)
			for _, h := range []string{IDHeader, QueueHeader, KindHeader, AttemptHeader, PartitionHeader, web.TimeoutHeader} {
				told += " " + r.Header.Get(h)
			}
			w.WriteHeader(http.StatusNoContent)
		})
		l.begin()
		l.services <- []presence.Instance{i}
		pass(time.Second)
		if want := "POST /jobs hello print-1 work print 1 home:00 20000"; told != want {
			t.Errorf("told %q, want %q", told, want)
		}
		l.expect("print-1 1: done, wrote 0")
	})
}

// TestWhoDoesPushedJobs: instances that are there and want them. Without one no job is taken, so that none fails for that.
func TestWhoDoesPushedJobs(t *testing.T) {
	story(t, func(t *testing.T) {
		p := printer
		p.AtOnce = 64
		var mu sync.Mutex
		seen := map[string]int{}
		l := newLab(t, Config{Push: []Push{p}, AtOnce: 64}, job("print"))
		var list []presence.Instance
		for _, machine := range []string{"a", "b"} {
			list = append(list, l.serve(machine, false, func(http.ResponseWriter, *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				seen[machine]++
			}))
		}
		gone := presence.Instance{Service: "printer", ID: "c", Address: "c:80"} // nobody listens there any more
		l.begin()
		pass(time.Minute)
		l.expectMetric(0, "instances", "printer")
		l.expect()
		l.services <- []presence.Instance{{Service: "printer", ID: "d", Address: "d:80", Wants: presence.Wants{Draining: true}}}
		pass(time.Minute)
		l.expect()
		l.services <- append(slices.Clone(list), gone)
		pass(time.Second)
		l.expect("print-1 1: done, wrote 0")
		l.expectMetric(3, "instances", "printer")
		for range 63 {
			l.desk.put(job("print"))
		}
		pass(2 * time.Second)
		if n := len(l.desk.ends()); n != 64 || seen["a"] < 10 || seen["b"] < 10 || seen["a"]+seen["b"] != 64 {
			t.Errorf("%d jobs have ended, requests by machine are %v", n, seen)
		}
		l.services <- []presence.Instance{gone}
		pass(time.Second)
		l.desk.put(job("print"))
		pass(2 * time.Second)
		if got := l.desk.ends(); len(got) != 65 || !strings.Contains(got[64], "connection refused") {
			t.Errorf("with nobody there: %q", got[64:])
		}
	})
}

// TestProgramsAreFoundThroughTheStore on loopback.
func TestProgramsAreFoundThroughTheStore(t *testing.T) {
	store, registry, quiet := storetest.New(t), prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	network := &host.RealNetwork{Address: "127.0.0.1", Names: map[string]string{"pi-1": "127.0.0.1"}}
	d := newDesk()
	s, err := New(Config{Push: []Push{printer}}, d, network, registry, quiet)
	if err != nil {
		t.Fatal(err)
	}
	port := hosttest.FreePort(t)
	l, err := network.Listen("tcp", ":"+port)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	run := func(f func() error) { go func() { ended <- f() }() }
	t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	run(func() error { return web.Serve(ctx, wire.Detect(l), says(204, "")) })
	run(func() error { return s.Run(ctx, store) })
	run(func() error {
		return presence.Announce(ctx, store, quiet, presence.Instance{Service: "printer", ID: "a", Address: "pi-1:" + port, Checked: true}, nil)
	})
	d.put(job("print"))
	for began := time.Now(); metricstest.Sum(t, registry, "picloud_lambda_runs_total", done) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("the job is not done")
		}
	}
}

// FuzzEffects: what a program answers is an effect that is as it was sent, or none.
func FuzzEffects(f *testing.F) {
	for _, s := range []string{"", "{}", "null", "[]", `{"then":[{"kind":"put","key":"a"}]}`, `{"if":1}`, "{} {}", `{"jobs":[{"delay_ms":1}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := readEffect(body)
		if err != nil && e != nil {
			t.Errorf("%q is an effect, and %v", body, err)
		}
	})
}
