package rpc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
)

// pipes is a listener whose other ends are dialled in the same process.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return nil }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.accept <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// with runs a story with a server and a client of it, on time of its own.
func with(t *testing.T, methods map[string]Handler, story func(t *testing.T, c *Client, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		s := Server{Methods: methods, Reads: map[string]bool{"vast": true}, MaxCalls: 4, Log: slog.New(slog.DiscardHandler)}
		go func() { served <- s.Serve(ctx, p) }()
		c := NewClient("pi-1", p.dial)
		story(t, c, p)
		c.Close()
		cancel()
		if err := <-served; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func call(t *testing.T, c *Client, method, body string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	b, err := c.Call(ctx, method, []byte(body))
	return string(b), err
}

// counted counts the writes to a stream.
type counted struct {
	net.Conn
	writes *atomic.Int32
}

func (c counted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// TestPromptRepliesToRequestsThatCameTogetherAreSentTogether sends requests in one write, two of which have to wait.
func TestPromptRepliesToRequestsThatCameTogetherAreSentTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := func(body []byte) ([]byte, bool) {
			switch string(body) {
			case "1s", "2s":
				return nil, false
			case "panic":
				panic("a defect")
			case "huge":
				return make([]byte, MaxBytes), true
			}
			return append([]byte("at once: "), body...), true
		}
		here, there := net.Pipe()
		s := Server{Methods: echo, Prompt: map[string]Prompt{"slow": ready}, MaxCalls: 2, Log: slog.New(slog.DiscardHandler)}
		var writes atomic.Int32
		served := make(chan struct{})
		go func() { s.serve(t.Context(), counted{there, &writes}); close(served) }()
		var asked []byte
		for i, body := range []string{"a", "panic", "huge", "2s", "1s", "b", "c"} {
			var err error
			if asked, err = (&request{call: uint64(i), left: time.Minute, method: "slow", body: []byte(body)}).append(asked); err != nil {
				t.Fatal(err)
			}
		}
		go func() { _, _ = here.Write(asked) }()
		want := []string{"0 at once: a <nil>", "1  call slow: the handler panicked (internal)", "2  call slow: its reply is too large (unknown-outcome)",
			"5 at once: b <nil>", "6 at once: c <nil>", "4 1s <nil>", "3 2s <nil>"}
		r := bufio.NewReader(here)
		for _, want := range want {
			b, err := next(r)
			if err != nil {
				t.Fatal(err)
			}
			p, err := decodeReply(b)
			if err != nil {
				t.Fatal(err)
			}
			var failed error
			if p.err != nil {
				failed = p.err
			}
			if got := fmt.Sprintf("%d %s %v", p.call, p.body, failed); got != want {
				t.Errorf("got %q, not %q", got, want)
			}
		}
		if n := writes.Load(); n != 4 { // what came before those that wait, what came after them, and they
			t.Errorf("seven replies were sent in %d writes", n)
		}
		here.Close()
		<-served
	})
}

var echo = map[string]Handler{
	"echo": func(_ context.Context, body []byte) ([]byte, error) { return body, nil },
	"slow": func(ctx context.Context, body []byte) ([]byte, error) {
		d, err := time.ParseDuration(string(body))
		if err != nil {
			return nil, err
		}
		select {
		case <-time.After(d):
			return body, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	},
	"refuse": func(context.Context, []byte) ([]byte, error) {
		return nil, fmt.Errorf("inside: %w", &api.Error{Kind: api.NotLeader, Doing: "write", Leader: "pi-2"})
	},
	"panic": func(context.Context, []byte) ([]byte, error) { panic("a defect") },
	"huge":  func(context.Context, []byte) ([]byte, error) { return make([]byte, MaxBytes), nil },
	"vast":  func(context.Context, []byte) ([]byte, error) { return make([]byte, MaxBytes), nil },
}

func TestCallsAreAnswered(t *testing.T) {
	with(t, echo, func(t *testing.T, c *Client, _ *pipes) {
		for _, body := range []string{"", "hello", strings.Repeat("x", MaxBytes-100)} {
			if got, err := call(t, c, "echo", body); got != body || err != nil {
				t.Errorf("%d bytes came back as %d: %v", len(body), len(got), err)
			}
		}
	})
}

func TestErrorsKeepTheirKind(t *testing.T) {
	with(t, echo, func(t *testing.T, c *Client, _ *pipes) {
		for _, test := range []struct {
			method, body string
			kind         api.Kind
			says         string
		}{
			{"refuse", "", api.NotLeader, "write: not-leader"},
			{"nothing", "", api.NotFound, `call "nothing": there is no such method (not-found)`},
			{"panic", "", api.Internal, "call panic: the handler panicked (internal)"},
			{"huge", "", api.Unknown, "call huge: its reply is too large (unknown-outcome)"},
			{"vast", "", api.TooLarge, "call vast: its reply is too large (too-large)"},
			{"slow", "never", api.Internal, `time: invalid duration "never"`},
			{"slow", "1h", api.Unknown, "call slow"}, // by whom the time is missed first is chance
			{"echo", strings.Repeat("x", MaxBytes), api.TooLarge, "a message of more than 4194304 bytes"},
		} {
			if _, err := call(t, c, test.method, test.body); api.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v", test.method, err)
			}
		}
		if got, err := call(t, c, "echo", "still there"); got != "still there" {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestRepliesComeInAnyOrder(t *testing.T) {
	with(t, echo, func(t *testing.T, c *Client, _ *pipes) {
		began := time.Now()
		var all sync.WaitGroup
		for _, d := range []string{"3s", "1s", "2s"} {
			all.Go(func() {
				if got, err := call(t, c, "slow", d); got != d {
					t.Errorf("%s: %q, %v", d, got, err)
				}
				if want, _ := time.ParseDuration(d); time.Since(began) != want {
					t.Errorf("%s took %v", d, time.Since(began))
				}
			})
		}
		all.Wait()
	})
}

func TestOneCallerCannotTakeAllPlaces(t *testing.T) {
	with(t, echo, func(t *testing.T, c *Client, _ *pipes) {
		began := time.Now()
		var all sync.WaitGroup
		for range 8 { // four at a time
			all.Go(func() { call(t, c, "slow", "1s") })
		}
		all.Wait()
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("eight calls of a second took %v", d)
		}
	})
}

func TestABrokenStreamEndsItsCallsAndIsReplaced(t *testing.T) {
	with(t, echo, func(t *testing.T, c *Client, _ *pipes) {
		ended := make(chan error)
		go func() {
			_, err := call(t, c, "slow", "5s")
			ended <- err
		}()
		synctest.Wait()
		c.conn.out.stream.Close()
		if err := <-ended; api.KindOf(err) != api.Unknown {
			t.Errorf("the call under way: %v", err)
		}
		if got, err := call(t, c, "echo", "again"); got != "again" {
			t.Errorf("the next call: %v", err)
		}
	})
}

func TestASilentServerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialled := 0
		c := NewClient("pi-1", func(context.Context) (net.Conn, error) {
			dialled++
			here, there := net.Pipe()
			go func() { // reads and says nothing
				for b := make([]byte, 100); ; {
					if _, err := there.Read(b); err != nil {
						return
					}
				}
			}()
			return here, nil
		})
		defer c.Close()
		for range 2 {
			if _, err := call(t, c, "echo", "hello"); api.KindOf(err) != api.Unknown {
				t.Error(err)
			}
		}
		if dialled != 2 {
			t.Errorf("%d connections were opened for two calls without a reply", dialled)
		}
	})
}

func TestWhoIsNotThereWasNotCalled(t *testing.T) {
	with(t, echo, func(t *testing.T, c *Client, p *pipes) {
		p.Close()
		if _, err := call(t, c, "echo", "hello"); api.KindOf(err) != api.Unavailable {
			t.Error(err)
		}
		c.Close()
		if _, err := call(t, c, "echo", "hello"); api.KindOf(err) != api.Unavailable {
			t.Error(err)
		}
	})
}

func TestNonsenseEndsTheStream(t *testing.T) {
	with(t, echo, func(t *testing.T, c *Client, p *pipes) {
		for _, nonsense := range []string{"\xff\xff\xff\xff", "\x00\x00\x00\x02ab", "\x00\x00\x00\x0d1234567812347"} {
			stream, err := p.dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			stream.Write([]byte(nonsense))
			if n, err := stream.Read(make([]byte, 1)); err == nil {
				t.Errorf("%q was answered with %d bytes", nonsense, n)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	q := request{call: 7, left: time.Second, method: "echo", body: []byte("hello")}
	p := reply{call: 7, err: &api.Error{Kind: api.NotLeader, Doing: "write"}}
	for _, m := range []message{&q, &p, &reply{call: 8, body: []byte("body")}} {
		b, err := m.append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := decodeRequest(b); err == nil {
			if again, err := q.append(nil); err != nil || !bytes.Equal(again[4:], b) {
				t.Errorf("%x was read as %+v: %v", b, q, err)
			}
		}
		if p, err := decodeReply(b); err == nil && p.err == nil {
			if again, err := p.append(nil); err != nil || !bytes.Equal(again[4:], b) {
				t.Errorf("%x was read as %+v: %v", b, p, err)
			}
		}
	})
}

// tired is a listener that fails once, as where too many files are open.
type tired struct {
	net.Listener
	failed bool
}

func (l *tired) Accept() (net.Conn, error) {
	if !l.failed {
		l.failed = true
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestAServerThatCouldNotAcceptOnceGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		s := Server{Methods: map[string]Handler{}, MaxCalls: 4, Log: slog.New(slog.DiscardHandler)}
		go func() { served <- s.Serve(ctx, &tired{Listener: p}) }()
		time.Sleep(time.Second)
		select {
		case err := <-served:
			t.Fatalf("it serves no more: %v", err)
		default:
		}
		if c, err := p.dial(ctx); err != nil {
			t.Error(err)
		} else {
			c.Close()
		}
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
