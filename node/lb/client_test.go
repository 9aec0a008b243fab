package lb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/web"
)

// TestAClientThatDoesNotSendItsBodyIsLetGo: what it claims to send is not waited for when it has its answer, or when the time for one is over.
func TestAClientThatDoesNotSendItsBodyIsLetGo(t *testing.T) {
	for name, c := range map[string]struct {
		head   string
		status string
		most   time.Duration
	}{
		"a short body":              {"POST / HTTP/1.1\r\nContent-Length: 100", "400", 11 * time.Second},
		"a long body":               {"POST / HTTP/1.1\r\nContent-Length: 100000", "504", 16 * time.Second},
		"a body of unknown length":  {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked", "504", 16 * time.Second},
		"a body beside an upgrade":  {"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 100", "504", 16 * time.Second},
		"a long one, soon answered": {"POST /soon HTTP/1.1\r\nContent-Length: 100000", "200", 11 * time.Second},
		"no route":                  {"POST / HTTP/1.1\r\nHost: elsewhere\r\nContent-Length: 100", "404", 6 * time.Second},
		"who is turned away":        {"POST /shop HTTP/1.1\r\nContent-Length: 100", "403", 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				routes := []Route{{Host: "lb", Service: "web", Timeout: 5 * time.Second}, {Host: "lb", Prefix: "/shop", Service: "web", Timeout: 5 * time.Second, Tenant: "shop"}}
				l := newLab(t, Config{Routes: routes})
				l.closed["shop pipe"] = time.Hour
				l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/soon" {
						_ = http.NewResponseController(w).EnableFullDuplex()
					} else {
						_, _ = io.Copy(io.Discard, r.Body)
					}
				}))
				conn, err := l.network("client").DialContext(t.Context(), "tcp", "lb:80")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				began := time.Now()
				if err := conn.SetReadDeadline(began.Add(2 * time.Minute)); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(c.head, "Host: ") {
					c.head += "\r\nHost: lb"
				}
				fmt.Fprintf(conn, "%s\r\n\r\n", c.head)
				answer, err := io.ReadAll(conn)
				if err != nil || time.Since(began) > c.most {
					t.Errorf("the connection lasts for %s: %v", time.Since(began), err)
				}
				if !strings.HasPrefix(string(answer), "HTTP/1.1 "+c.status) {
					t.Errorf("the answer is %.200q, not of status %s", answer, c.status)
				}
			})
		})
	}
}

// TestAnAnswerToALongBodyMayTakeLong: the time for the body is over when the answer begins.
func TestAnAnswerToALongBodyMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{{Service: "web", Timeout: time.Second}}})
		l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for range 20 {
				fmt.Fprint(w, "x")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}))
		for range 2 { // on one connection
			if got := l.ask("POST", "/", strings.Repeat("x", 100_000)); got.status != 200 || got.body != strings.Repeat("x", 20) || got.header.Get("Connection") != "" {
				t.Errorf("status %d, %q, %v", got.status, got.body, got.header)
			}
		}
	})
}

// TestAClientThatGivesNoTimeSaysNothingOfAServer: it would have servers that are well left out.
func TestAClientThatGivesNoTimeSaysNothingOfAServer(t *testing.T) {
	for name, spoil := range map[string]func(*lab){
		"time for an answer": func(l *lab) { l.ask("GET", "/", "", web.TimeoutHeader+": 1") },
		"time, which servers give up before": func(l *lab) {
			if got := l.ask("GET", "/hasty", "", web.TimeoutHeader+": 10"); got.header.Get(web.AttemptsHeader) != "1" {
				l.t.Errorf("it was sent %s times", got.header.Get(web.AttemptsHeader))
			}
		},
		"its body": func(l *lab) {
			body, end := io.Pipe()
			defer end.Close()
			r, err := http.NewRequest("POST", "http://lb:80/", body)
			if err != nil {
				l.t.Fatal(err)
			}
			if a, err := l.client.Do(r); err == nil {
				_ = a.Body.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, Config{Routes: []Route{{Service: "web", Timeout: 2 * time.Second}}})
				slow := after(20*time.Millisecond, says("ok"))
				server := healthy(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/hasty" {
						time.Sleep(web.Timeout(r.Header, time.Second) - time.Millisecond)
						w.WriteHeader(503)
						return
					}
					slow(w, r)
				})
				l.serve(server, server, server)
				time.Sleep(20 * time.Second) // they are warm
				l.all(150, func(int) reply { return l.get("/") })
				for range 40 {
					spoil(l)
				}
				if n := l.metric("picloud_lb_ejections_total"); n != 0 {
					t.Errorf("servers that are well were left out %v times", n)
				}
			})
		})
	}
}

// TestAnAnswerThatBreaksOffIsCounted, as the failure of who broke it off.
func TestAnAnswerThatBreaksOffIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, strings.Repeat("x", map[bool]int{true: 10, false: 1 << 20}[r.URL.Path == "/pauses"]))
			_ = http.NewResponseController(w).Flush()
			if r.URL.Path == "/breaks" {
				panic(http.ErrAbortHandler)
			}
			<-r.Context().Done() // the balancer writes, or, behind /pauses, waits for more
		}))
		for _, c := range []struct {
			path, status string
			count        float64 // of all until then
			read         func(io.Reader) error
		}{
			{"/breaks", "502", 1, func(from io.Reader) error { _, err := io.Copy(io.Discard, from); return err }},
			{"/goes-on", "499", 1, func(from io.Reader) error { _, _ = io.CopyN(io.Discard, from, 10); return io.EOF }},
			{"/pauses", "499", 2, func(from io.Reader) error { _, _ = io.CopyN(io.Discard, from, 10); return io.EOF }},
		} {
			a, err := l.client.Get("http://lb:80" + c.path)
			if err != nil || a.StatusCode != 200 {
				t.Fatalf("%s does not begin: %v", c.path, err)
			}
			if err := c.read(a.Body); err == nil {
				t.Errorf("%s does not break off", c.path)
			}
			_ = a.Body.Close()
			time.Sleep(time.Second)
			if n := l.metric("picloud_lb_requests_total", c.status); n != c.count {
				t.Errorf("%v requests of status %s are counted after %s, of %v in all", n, c.status, c.path, l.metric("picloud_lb_requests_total"))
			}
		}
	})
}

// seconds returns what a histogram has observed in all.
func (l *lab) seconds(name string) (sum float64) {
	l.t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetHistogram().GetSampleSum()
			}
		}
	}
	return sum
}

// TestAnAnswerOverHTTP2MayPause: for longer than a client may take nothing. One that takes nothing is let go all the same.
func TestAnAnswerOverHTTP2MayPause(t *testing.T) {
	pair := httptest.NewUnstartedServer(nil) // for its certificate
	pair.StartTLS()
	pair.Close()
	roots := x509.NewCertPool()
	roots.AddCert(pair.Certificate())
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/long" {
				_, _ = w.Write(make([]byte, 4<<20))
				return
			}
			for _, part := range []string{"x", "y"} {
				fmt.Fprint(w, part)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(web.Patience + 10*time.Second)
			}
		}))
		plain, err := l.network("lb").Listen("tcp", ":443")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error)
		go func() {
			served <- web.Serve(ctx, tls.NewListener(plain, &tls.Config{Certificates: pair.TLS.Certificates, NextProtos: []string{"h2"}}), l.balancer)
		}()
		transport := &http.Transport{DialContext: l.network("client").DialContext, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}}
		defer func() {
			transport.CloseIdleConnections()
			stop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		}()
		get := func(path string) *http.Response {
			answer, err := (&http.Client{Transport: transport}).Get("https://lb:443" + path)
			if err != nil || answer.ProtoMajor != 2 {
				t.Fatal(answer, err)
			}
			return answer
		}
		pauses := get("/")
		if got, err := io.ReadAll(pauses.Body); err != nil || string(got) != "xy" {
			t.Errorf("%q, %v", got, err)
		}
		unread := get("/long")
		time.Sleep(web.Patience + 10*time.Second)
		if n := l.metric("picloud_lb_in_flight") + l.metric("picloud_lb_streams"); n != 0 {
			t.Errorf("%v answers are kept for who takes none", n)
		}
		_ = unread.Body.Close()
	})
}

// TestClientsThatReadSlowlyTakeNobodysPlace: more of them than all servers can answer at a time.
func TestClientsThatReadSlowlyTakeNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		answer := healthy(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/long" {
				w.Header().Set("Content-Length", strconv.Itoa(1<<20))
				_, _ = w.Write(make([]byte, 1<<20))
			}
		})
		l.serve(answer, answer, answer)
		time.Sleep(20 * time.Second) // they are warm
		for range 3 * firstInFlight {
			r, err := l.client.Get("http://lb:80/long")
			if err != nil || r.StatusCode != 200 {
				t.Fatal(r, err)
			}
			defer r.Body.Close()
		}
		if got := l.get("/"); got.status != 503 {
			t.Errorf("the servers are not busy: status %d", got.status)
		}
		time.Sleep(streamAfter)
		if got := l.get("/"); got.status != 200 || l.metric("picloud_lb_in_flight") != 0 || l.metric("picloud_lb_streams") != 3*firstInFlight {
			t.Errorf("status %d, %v in flight, %v streams", got.status, l.metric("picloud_lb_in_flight"), l.metric("picloud_lb_streams"))
		}
	})
}

// post sends a body of some length, -1 if it is not known, and returns the status of the answer; 0 if there is none.
func (l *lab) post(body io.Reader, length int64) int {
	r, err := http.NewRequest("POST", "http://lb:80/", body)
	if err != nil {
		l.t.Error(err)
		return 0
	}
	r.ContentLength = length
	a, err := l.client.Do(r)
	if err != nil {
		return 0
	}
	_ = a.Body.Close()
	return a.StatusCode
}

// TestClientsThatSendSlowlyTakeNobodysPlace: more of them than all servers can serve at a time. Once their bodies are there they count again.
func TestClientsThatSendSlowlyTakeNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		answer := healthy(func(w http.ResponseWriter, r *http.Request) {
			if n, err := io.Copy(io.Discard, r.Body); n > 0 || err != nil {
				time.Sleep(time.Second)
			}
		})
		l.serve(answer, answer, answer)
		time.Sleep(20 * time.Second) // they are warm
		var ends []*io.PipeWriter
		answers := make(chan int, 3*firstInFlight)
		for range 3 * firstInFlight {
			body, end := io.Pipe()
			ends = append(ends, end)
			go func() { answers <- l.post(body, -1) }()
			_, _ = end.Write([]byte("x"))
		}
		counts := func(inFlight, streams float64) {
			t.Helper()
			if is, are := l.metric("picloud_lb_in_flight"), l.metric("picloud_lb_streams"); is != inFlight || are != streams {
				t.Errorf("%v in flight, %v streams; want %v and %v", is, are, inFlight, streams)
			}
		}
		synctest.Wait()
		counts(3*firstInFlight, 0)
		time.Sleep(slowAfter)
		synctest.Wait()
		if got := l.get("/"); got.status != 200 {
			t.Errorf("who is quick is answered with %d", got.status)
		}
		counts(0, 3*firstInFlight)
		for _, end := range ends {
			_ = end.Close()
		}
		time.Sleep(100 * time.Millisecond)
		counts(3*firstInFlight, 0)
		for range ends {
			if status := <-answers; status != 200 {
				t.Errorf("who is slow is answered with %d", status)
			}
		}
		synctest.Wait()
		counts(0, 0)
	})
}

// TestBodiesThatAreKeptAreBounded: many clients send all of a body but its last byte.
func TestBodiesThatAreKeptAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(says("ok"))
		const size = 64 << 10
		var ends []*io.PipeWriter
		answers := make(chan int)
		for range mostKept/size + 10 {
			body, end := io.Pipe()
			ends = append(ends, end)
			go func() { _, _ = end.Write(make([]byte, size-1)) }()
			go func() { answers <- l.post(body, size) }()
			synctest.Wait()
		}
		if got := l.balancer.kept.Load(); got != mostKept {
			t.Errorf("%d bytes are kept", got)
		}
		if shed := l.metric("picloud_lb_shed_total"); shed != 10 {
			t.Errorf("%v were refused", shed)
		}
		if got := l.get("/"); got.status != 200 {
			t.Errorf("who only reads is answered with %d", got.status)
		}
		count := map[int]int{}
		for i := range ends {
			go func() { _, _ = ends[i].Write([]byte("x")); _ = ends[i].Close() }()
		}
		for range ends {
			count[<-answers]++
		}
		synctest.Wait()
		if count[200] < firstInFlight || count[200]+count[503] != len(ends) || l.balancer.kept.Load() != 0 {
			t.Errorf("answers by status: %v; %d bytes are kept still", count, l.balancer.kept.Load())
		}
	})
}
