package lb

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
	"picloud/node/presence"
	"picloud/node/web"
	"picloud/node/wire"
)

func TestRequestsReachAServerOfTheirRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{
			{Service: "web"},
			{Prefix: "/api", Service: "api"},
			{Prefix: "/api/v2/", Service: "next"},
			{Host: "Pictures.home", Service: "pictures"},
		}})
		for service := range l.lists {
			i := l.server(service, says(service))
			l.tell(service, i)
		}
		time.Sleep(time.Millisecond)
		for _, c := range []struct{ host, path, want string }{
			{"lb", "/", "web"},
			{"lb", "/apiary", "web"},
			{"lb", "/api", "api"},
			{"lb:80", "/api/v1/x?y=z", "api"},
			{"lb", "/api/v2", "next"},
			{"lb", "/api/v2/x", "next"},
			{"lb", "/api/v20", "api"},
			{"pictures.home", "/api", "pictures"},
			{"PICTURES.home:8080", "/", "pictures"},
		} {
			if got := l.ask("GET", c.path, "", "Host: "+c.host); got.status != 200 || got.body != c.want {
				t.Errorf("%s%s is answered by %q, status %d; it belongs to %s", c.host, c.path, got.body, got.status, c.want)
			}
		}
	})
}

func TestWhatNoRouteOrNoServerTakesIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{{Prefix: "/api", Service: "web"}}})
		expect := func(path string, status int, kind api.Kind) {
			t.Helper()
			if got := l.get(path); got.status != status || !strings.Contains(got.body, `"`+string(kind)+`"`) {
				t.Errorf("%s: status %d, %s; expected %d, %s", path, got.status, got.body, status, kind)
			}
		}
		expect("/other", 404, api.NotFound)
		expect("/api", 503, api.Unavailable)
		l.serve(says("ok"))
		if got := l.get("/api"); got.status != 200 {
			t.Error("a server that is there is not found")
		}
	})
}

func TestWhoHasDoneTooMuchHarmIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{{Service: "web", Tenant: "shop"}, {Prefix: "/open", Service: "web"}}})
		l.serve(says("ok"))
		l.closed["shop pipe"] = 1500 * time.Millisecond
		l.closed["forum pipe"] = time.Hour
		if got := l.get("/"); got.status != 200 {
			t.Errorf("who reads is refused: %d", got.status)
		}
		asked := l.seen["web-1"]
		got := l.ask("POST", "/", "x")
		if got.status != 403 || !strings.Contains(got.body, `"refused"`) || !strings.Contains(got.body, `"retry_after_ms":1500`) || got.header.Get("Retry-After") != "2" {
			t.Errorf("status %d, %s, %v", got.status, got.body, got.header)
		}
		if l.seen["web-1"] != asked {
			t.Error("a server was asked")
		}
		if got := l.ask("POST", "/open", "x"); got.status != 200 {
			t.Errorf("a route without the tenant is closed: %d", got.status)
		}
		delete(l.closed, "shop pipe") // as a stream in memory is called
		if got := l.ask("POST", "/", "x"); got.status != 200 {
			t.Errorf("what another tenant has decided counts: %d", got.status)
		}
	})
}

func TestServersSeeWhoAskedAndHowLongTheyHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{{Service: "web", Timeout: 4 * time.Second}}})
		var seen http.Header
		var host string
		l.serve(healthy(func(_ http.ResponseWriter, r *http.Request) { seen, host = r.Header, r.Host }))
		l.ask("GET", "/", "", "Host: pictures.home", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil", "Connection: X-Secret", "X-Secret: 1", "X-Request-Id: bad id")
		for name, want := range map[string]string{"X-Forwarded-Host": "pictures.home", "X-Forwarded-Proto": "http", web.TimeoutHeader: "4000", "X-Secret": ""} {
			if got := seen.Get(name); got != want {
				t.Errorf("the server sees %s %q, not %q", name, got, want)
			}
		}
		if strings.Contains(seen.Get("X-Forwarded-For"), "1.2.3.4") {
			t.Error("the server believes what the client says of itself")
		}
		if host != "pictures.home" {
			t.Errorf("the server is asked as %q", host)
		}
		if id := seen.Get(web.RequestIDHeader); !validID(id) || strings.Contains(id, " ") {
			t.Errorf("the request's ID is %q", id)
		}
		l.ask("GET", "/", "", "Connection: X-Request-Id", "X-Request-Id: abc-1")
		if id := seen.Get(web.RequestIDHeader); !validID(id) {
			t.Errorf("the ID of a request that takes its own away is %q", id)
		}
		l.ask("GET", "/", "", web.TimeoutHeader+": 1500", "X-Request-Id: abc-1")
		if seen.Get(web.TimeoutHeader) != "1500" || seen.Get(web.RequestIDHeader) != "abc-1" {
			t.Errorf("a timeout of 1500 ms and the ID abc-1 are passed on as %v", seen)
		}
	})
}

// TestServersSeeWhatWasAskedForAsItWasWritten: what a path and a query mean is for the server to say.
func TestServersSeeWhatWasAskedForAsItWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		var seen string
		l.serve(healthy(func(_ http.ResponseWriter, r *http.Request) { seen = r.RequestURI }))
		for name, target := range map[string]string{
			"a path and a query":            "/a/b?c=d&e",
			"a query with a semicolon":      "/search?q=a;b&page=2",
			"a percent sign that is none":   "/search?discount=5%&page=2",
			"a question without words":      "/search?",
			"slashes, and those of a part":  "/a//b%2Fc/../d",
			"more words than one would ask": "/search?q=a&q=b&q=",
		} {
			r, err := http.NewRequest("GET", "http://lb:80", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.URL.Opaque = "//lb:80" + target // as it is
			a, err := l.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			if a.StatusCode != 200 || seen != target {
				t.Errorf("%s: asked for %s, the server sees %s; status %d", name, target, seen, a.StatusCode)
			}
		}
	})
}

func TestAnAnswerThatDoesNotBeginInTimeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{{Service: "web", Timeout: 2 * time.Second}}})
		l.serve(after(time.Minute, says("late")))
		got := l.ask("POST", "/", "x")
		if got.status != 504 || !strings.Contains(got.body, string(api.Unknown)) || got.took != 2*time.Second {
			t.Errorf("after %s: status %d, %s", got.took, got.status, got.body)
		}
		got = l.ask("POST", "/", "x", web.TimeoutHeader+": 300")
		if got.status != 504 || got.took != 300*time.Millisecond {
			t.Errorf("after %s: status %d, %s", got.took, got.status, got.body)
		}
	})
}

// TestARequestWhoseTimeEndsWhileItWaitsWasNotSent: it is no defect either.
func TestARequestWhoseTimeEndsWhileItWaitsWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Policy: Policy{InFlight: 4}})
		l.serve(after(3*time.Second, says("ok")))
		for range 4 {
			go l.get("/")
		}
		time.Sleep(time.Millisecond)
		got := l.ask("POST", "/", "x", web.TimeoutHeader+": 200")
		if got.status != 503 || !strings.Contains(got.body, string(api.Unavailable)) || got.took != 200*time.Millisecond || l.count("a") != 4 {
			t.Errorf("after %s: status %d, %s; the server has %d requests", got.took, got.status, got.body, l.count("a"))
		}
		if n := l.metric("picloud_lb_shed_total"); n != 1 {
			t.Errorf("%v requests were shed", n)
		}
		time.Sleep(5 * time.Second)
	})
}

func TestAnUpgradeToWhatIsNoProtocolIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(says("ok"))
		got := l.ask("GET", "/", "", "Connection: Upgrade", "Upgrade: schön")
		if got.status != 400 || !strings.Contains(got.body, string(api.BadRequest)) || l.count("a") != 0 {
			t.Errorf("status %d, %s; the server has %d requests", got.status, got.body, l.count("a"))
		}
	})
}

// TestABalancerThatStopsLetsRequestsEnd, and tells those that take too long, as their clients still wait.
func TestABalancerThatStopsLetsRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
			d, _ := time.ParseDuration(r.URL.Query().Get("takes"))
			after(d, says("ok"))(w, r)
		}))
		listener, err := l.network("other").Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- web.Serve(ctx, listener, l.balancer) }()
		time.AfterFunc(time.Second, stop)
		takes := []string{"4s", "14s"}
		replies := l.all(2, func(i int) reply { return l.ask("POST", "http://other:80/?takes="+takes[i], "x") })
		if got := replies[0]; got.status != 200 || got.body != "ok" {
			t.Errorf("what ends in time is answered by %d, %s, after %s", got.status, got.body, got.took)
		}
		if got := replies[1]; got.status != 504 || !strings.Contains(got.body, string(api.Unknown)) || got.took != 6*time.Second {
			t.Errorf("what takes too long is answered by %d, %q, after %s", got.status, got.body, got.took)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestAnAnswerMayTakeLongOnceItHasBegun: only its beginning has a limit.
func TestAnAnswerMayTakeLongOnceItHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{{Service: "web", Timeout: time.Second}}})
		l.serve(healthy(func(w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				fmt.Fprint(w, "x")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}))
		if got := l.get("/"); got.status != 200 || got.body != "xxxxxxxxxx" {
			t.Errorf("status %d, %q", got.status, got.body)
		}
	})
}

func TestTheLighterOfTwoServersIsChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(after(time.Minute, says("slow")), after(10*time.Millisecond, says("a")), after(10*time.Millisecond, says("b")))
		time.Sleep(20 * time.Second) // all are warm
		for range 400 {
			go l.get("/")
			time.Sleep(5 * time.Millisecond)
		}
		if slow, fast := l.count("a"), l.count("b"); slow > fast/5 {
			t.Errorf("a server that never answers was sent %d requests, another one %d", slow, fast)
		}
		time.Sleep(2 * time.Minute)
	})
}

// TestServersAreDrawnByTheirWeights, with as little to do as all of them have; and one that takes a quarter of what it can has a quarter of the room.
func TestServersAreDrawnByTheirWeights(t *testing.T) {
	p := &pool{policy: Policy{InFlight: 1000}.withDefaults()}
	for i, w := range []presence.Wants{{}, {Weight: presence.Full / 2}, {Weight: presence.Full / 4, Share: presence.Full / 4}} {
		i := presence.Instance{Service: "web", ID: string(rune('a' + i)), Address: "a:1", Wants: w}
		p.servers = append(p.servers, &server{Instance: i, limiter: newLimiter(1000), up: true})
	}
	counts := map[string]int{}
	for range 7000 {
		counts[p.free(time.Now(), nil).ID]++
	}
	for id, want := range map[string]int{"a": 4000, "b": 2000, "c": 1000} {
		if n := counts[id]; n < want*9/10 || n > want*11/10 {
			t.Errorf("%s was drawn %d times, want about %d", id, n, want)
		}
	}
	if all, quarter := p.servers[0].room(), p.servers[2].room(); quarter != all/4 {
		t.Errorf("it has room for %d, where another one has for %d", quarter, all)
	}
	p.servers[0].inFlight = 2 // as much for its weight as one for half the weight
	if p.servers[1].inFlight = 1; p.servers[0].busier(p.servers[1]) != 0 || p.servers[2].busier(p.servers[1]) >= 0 {
		t.Error("what servers have to do is not seen beside their weights")
	}
}

func TestAServerThatIsNotWellIsLeftOutUntilItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		var well atomic.Bool
		well.Store(true)
		l.serve(says("a"), func(w http.ResponseWriter, r *http.Request) {
			if !well.Load() {
				w.WriteHeader(500)
			}
		})
		ask := func(n int) (sent int) {
			before := l.count("b")
			for range n {
				l.get("/")
			}
			return l.count("b") - before
		}
		time.Sleep(10 * time.Second)
		if n := ask(100); n < 20 {
			t.Errorf("of 100 requests %d reach one of two servers", n)
		}
		well.Store(false)
		time.Sleep(4 * time.Second)
		if n := ask(100); n != 0 {
			t.Errorf("of 100 requests %d reach a server that says it is not well", n)
		}
		if l.metric("picloud_lb_servers", "web", "down") != 1 {
			t.Error("metrics do not show a server that is down")
		}
		well.Store(true)
		time.Sleep(3 * time.Second)
		if n := ask(1000); n == 0 {
			t.Error("a server that is well again is sent nothing")
		}
	})
}

// TestAServerThatCameInWarmsUp: under load it is not sent its full share at once.
func TestAServerThatCameInWarmsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		work := after(20*time.Millisecond, says("ok"))
		a := l.server("a", work)
		l.tell("web", a)
		time.Sleep(20 * time.Second)
		l.tell("web", a, l.server("b", work))
		time.Sleep(time.Millisecond)
		share := func() int {
			a, b := l.count("a"), l.count("b")
			l.load(400, time.Second)
			return 100 * (l.count("b") - b) / (l.count("a") - a + l.count("b") - b)
		}
		if s := share(); s > 30 {
			t.Errorf("in its first second a server has %d %% of the load", s)
		}
		time.Sleep(10 * time.Second)
		if s := share(); s < 40 || s > 60 {
			t.Errorf("one of two warm servers has %d %% of the load", s)
		}
	})
}

// load sends reads, evenly over some time, and waits for the answers.
func (l *lab) load(n int, over time.Duration) []reply {
	return l.all(n, func(i int) reply {
		time.Sleep(over * time.Duration(i) / time.Duration(n))
		return l.get("/")
	})
}

func TestADrainingServerEndsWhatItHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		a := l.server("a", after(5*time.Second, says("a")))
		b := l.server("b", says("b"))
		l.tell("web", a)
		time.Sleep(time.Millisecond)
		begun := make(chan reply)
		go func() { begun <- l.get("/") }()
		time.Sleep(time.Second)
		a.Draining = true
		l.tell("web", a, b)
		time.Sleep(time.Millisecond)
		for range 20 {
			if got := l.get("/"); got.body != "b" {
				t.Errorf("a new request is answered by %q", got.body)
			}
		}
		l.tell("web", b)
		if got := <-begun; got.status != 200 || got.body != "a" {
			t.Errorf("what it had begun: status %d, %q", got.status, got.body)
		}
	})
}

func TestAClientThatGoesAwayIsNoServersFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		ended := make(chan error, 100)
		l.serve(healthy(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			ended <- r.Context().Err()
		}), says("b"))
		for range 20 {
			r, err := http.NewRequest("GET", "http://lb:80/", nil)
			if err != nil {
				t.Fatal(err)
			}
			impatient := http.Client{Transport: l.client.Transport, Timeout: 50 * time.Millisecond}
			if a, err := impatient.Do(r); err == nil {
				_ = a.Body.Close()
			}
		}
		time.Sleep(time.Second)
		if len(ended) != l.count("a") {
			t.Errorf("the server was told of %d clients that went away, of %d", len(ended), l.count("a"))
		}
		if n := l.metric("picloud_lb_ejections_total"); n != 0 {
			t.Error("a server was ejected because clients went away")
		}
		if l.metric("picloud_lb_in_flight") != 0 {
			t.Error("requests of clients that went away are under way still")
		}
	})
}

// TestAServerThatTakesCheckedStreamsGetsThem: it takes no others.
func TestAServerThatTakesCheckedStreamsGetsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		listener, err := wire.Network{Network: l.network("a")}.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "checked") })}
		go s.Serve(listener)
		t.Cleanup(func() { s.Close() })
		l.tell("web", presence.Instance{Service: "web", ID: "a", Address: "a:80", Checked: true})
		time.Sleep(time.Millisecond)
		if got := l.get("/"); got.status != 200 || got.body != "checked" {
			t.Errorf("status %d, %q", got.status, got.body)
		}
	})
}

func TestAnUpgradedConnectionIsPassedThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{{Service: "web", Timeout: time.Second}}})
		l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(http.StatusSwitchingProtocols)
			c, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = io.Copy(c, both)
		}))
		c, err := l.network("client").DialContext(t.Context(), "tcp", "lb:80")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: lb\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		head := make([]byte, 0, 1000)
		for !strings.HasSuffix(string(head), "\r\n\r\n") {
			var b [1]byte
			if _, err := c.Read(b[:]); err != nil {
				t.Fatal(err)
			}
			head = append(head, b[0])
		}
		if !strings.HasPrefix(string(head), "HTTP/1.1 101 ") {
			t.Fatalf("the answer is %q", head)
		}
		for range 5 {
			time.Sleep(time.Minute)
			fmt.Fprint(c, "hello")
			b := make([]byte, 5)
			if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
				t.Fatalf("echo of %q: %v", b, err)
			}
		}
		if l.metric("picloud_lb_in_flight") != 0 {
			t.Error("a connection that is something else now counts as a request")
		}
		c.Close()
		time.Sleep(time.Second)
		if n := l.metric("picloud_lb_requests_total", "101"); n != 1 {
			t.Errorf("%v requests are counted whose connection is something else now", n)
		}
		if took := l.seconds("picloud_lb_request_seconds"); took > 1 {
			t.Errorf("an answer that began at once is said to have taken %v s", took)
		}
	})
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	ok := []Route{{Service: "web"}}
	for want, c := range map[string]Config{
		"there are no routes":         {},
		"not a service":               {Routes: []Route{{Prefix: "/"}}},
		"begin with a slash":          {Routes: []Route{{Prefix: "api", Service: "web"}}},
		"without a port":              {Routes: []Route{{Host: "a:80", Service: "web"}}},
		"a priority is":               {Routes: []Route{{Service: "web", Priority: "urgent"}}},
		"is negative":                 {Routes: []Route{{Service: "web", Timeout: -1}}},
		"routes[1]: there is a route": {Routes: []Route{{Host: "A", Prefix: "/x/", Service: "web"}, {Host: "a", Prefix: "/x", Service: "api"}}},
		"health path":                 {Routes: ok, Policy: Policy{HealthPath: "up"}},
		"a time of the policy":        {Routes: ok, Policy: Policy{QueueWait: -1}},
		"a number of the policy":      {Routes: ok, Policy: Policy{InFlight: -1}},
		"each 0 to 100":               {Routes: ok, Policy: Policy{RetryPercent: 101}},
		"bytes are kept":              {Routes: ok, Policy: Policy{Replay: 1 << 30}},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, where %q is expected", err, want)
		}
	}
}
