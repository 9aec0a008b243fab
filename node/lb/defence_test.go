package lb

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"picloud/node/presence"
	"picloud/node/wait"
	"picloud/node/web"
)

// TestWhatIsSentAgain: a request that may have had an effect is not, unless twice is the same as once.
func TestWhatIsSentAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		first   int // the status of the first answer; 0 for a connection that breaks
		method  string
		body    string
		headers []string
		want    int // the status that the client sees
		sent    int
	}{
		{"a read", 503, "GET", "", nil, 200, 2},
		{"a read whose connection broke", 0, "GET", "", nil, 200, 2},
		{"a read of what is not there", 404, "GET", "", nil, 404, 1},
		{"a read that the server's program fails", 500, "GET", "", nil, 500, 1},
		{"a put", 502, "PUT", "value", nil, 200, 2},
		{"a delete whose connection broke", 0, "DELETE", "", nil, 200, 2},
		{"a post", 503, "POST", "value", nil, 503, 1},
		{"a post whose connection broke", 0, "POST", "value", nil, 504, 1},
		{"a post with a key", 504, "POST", "value", []string{"Idempotency-Key: 1"}, 200, 2},
		{"a put that is too long to be kept", 503, "PUT", strings.Repeat("x", 5000), nil, 503, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, Config{Policy: Policy{Replay: 4096}})
				var mu sync.Mutex
				var bodies []string
				h := healthy(func(w http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					mu.Lock()
					bodies = append(bodies, string(b))
					n := len(bodies)
					mu.Unlock()
					switch {
					case n > 1:
					case c.first == 0:
						panic(http.ErrAbortHandler)
					default:
						w.WriteHeader(c.first)
					}
				})
				l.serve(h, h, h)
				got := l.ask(c.method, "/", c.body, c.headers...)
				if got.status != c.want || len(bodies) != c.sent {
					t.Errorf("status %d, sent %d times: %s", got.status, len(bodies), got.body)
				}
				for _, b := range bodies {
					if b != c.body {
						t.Errorf("a server was sent %d bytes of %d", len(b), len(c.body))
					}
				}
			})
		})
	}
}

func TestAServerThatIsNotReachedHasSeenNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Policy: Policy{HealthEvery: time.Hour}})
		a := l.server("a", says("a"))
		b := presence.Instance{Service: "web", ID: "b", Address: "b:80"}
		stop := l.listen("b", says("b"))
		l.tell("web", a, b)
		time.Sleep(20 * time.Second)
		stop()
		for range 10 {
			if got := l.ask("POST", "/", "x"); got.status != 200 || got.body != "a" {
				t.Errorf("a post was not passed on to the server that is there: status %d, %s", got.status, got.body)
			}
		}
	})
}

// TestARepetitionThatIsRefusedDoesNotSayThatNothingWasDone, when an attempt before it may have done it.
func TestARepetitionThatIsRefusedDoesNotSayThatNothingWasDone(t *testing.T) {
	for _, c := range []struct {
		name     string
		method   string
		statuses []int // of the attempts; 0 for a connection that breaks
		want     int   // the status that the client sees
	}{
		{"a put whose connection broke", "PUT", []int{0, 503, 503}, 504},
		{"a post with a key whose connection broke", "POST", []int{0, 503, 503}, 504},
		{"a delete that a gateway lost", "DELETE", []int{502, 503, 503}, 504},
		{"a delete that was lost in time", "DELETE", []int{504, 503, 503}, 504},
		{"a put whose connection broke when it was sent again", "PUT", []int{503, 0, 503}, 504},
		{"a put that is done when it is sent again", "PUT", []int{0, 503, 200}, 200},
		{"a put that meets something else when it is sent again", "PUT", []int{0, 503, 409}, 409},
		{"a put that everybody refuses", "PUT", []int{503, 503, 503}, 503},
		{"a read whose connection broke", "GET", []int{0, 503, 503}, 503},
		{"a question for options that was lost in time", "OPTIONS", []int{504, 503, 503}, 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, Config{})
				var n atomic.Int64
				h := healthy(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					status := c.statuses[min(int(n.Add(1)), len(c.statuses))-1]
					if status == 0 {
						panic(http.ErrAbortHandler)
					}
					w.Header().Set("Retry-After", "7")
					w.WriteHeader(status)
					fmt.Fprint(w, "a server's own")
				})
				l.serve(h, h, h)
				body := "value"
				if c.method == "GET" {
					body = ""
				}
				got := l.ask(c.method, "/", body, "Idempotency-Key: 1")
				if got.status != c.want || got.header.Get(web.AttemptsHeader) != "3" {
					t.Errorf("status %d after %s attempts: %s", got.status, got.header.Get(web.AttemptsHeader), got.body)
				}
				if own := strings.Contains(got.body, "a server's own"); own != (c.want != 504) || !own && !strings.Contains(got.body, `"unknown-outcome"`) {
					t.Errorf("the answer is %s", got.body)
				}
				if c.want == 504 && got.header.Get("Retry-After") != "" {
					t.Error("a header of the answer that does not count came through")
				}
				if n := l.metric("picloud_lb_in_flight"); n != 0 {
					t.Errorf("%v requests are under way still", n)
				}
			})
		})
	}
}

// TestARequestThatReachesNobodyHadNoEffect, however often it was tried.
func TestARequestThatReachesNobodyHadNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Policy: Policy{HealthEvery: time.Hour}})
		l.tell("web", presence.Instance{Service: "web", ID: "a", Address: "a:80"}, presence.Instance{Service: "web", ID: "b", Address: "b:80"})
		time.Sleep(time.Millisecond)
		if got := l.ask("POST", "/", "x"); got.status != 503 || !strings.Contains(got.body, `"unavailable"`) {
			t.Errorf("where nobody is: status %d, %s", got.status, got.body)
		}
	})
}

// TestWhatNetHTTPRepeatsIsKnownToHaveBeenSent: it sends a request with a key and no body again by itself when a connection breaks that was used before.
func TestWhatNetHTTPRepeatsIsKnownToHaveBeenSent(t *testing.T) {
	for _, body := range []string{"x", ""} {
		for _, dies := range []bool{true, false} {
			t.Run(fmt.Sprintf("body %q, dies %v", body, dies), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, Config{Policy: Policy{HealthEvery: time.Hour}})
					var stop func()
					var n atomic.Int64
					stop = l.listen("a", healthy(func(w http.ResponseWriter, r *http.Request) {
						switch {
						case r.Method == "GET":
						case n.Add(1) > 1:
							w.WriteHeader(503)
						default:
							if dies {
								stop()
							}
							panic(http.ErrAbortHandler)
						}
					}))
					l.tell("web", presence.Instance{Service: "web", ID: "a", Address: "a:80"})
					time.Sleep(time.Millisecond)
					l.get("/") // for a connection
					if got := l.ask("POST", "/", body, "Idempotency-Key: 1"); got.status != 504 || !strings.Contains(got.body, `"unknown-outcome"`) {
						t.Errorf("status %d, %s", got.status, got.body)
					}
				})
			})
		}
	}
}

// TestSecondAttemptsStayWithinTheirBudget: when all servers fail, they are not sent three times as much.
func TestSecondAttemptsStayWithinTheirBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(status(503), status(503), status(503))
		const n = 1000
		for range n {
			l.get("/")
		}
		sent := l.count("a") + l.count("b") + l.count("c")
		if most := n*120/100 + reserve; sent > most || sent <= n {
			t.Errorf("%d requests were sent %d times; at most %d", n, sent, most)
		}
		if over := l.metric("picloud_lb_retries_total", "over budget"); over == 0 {
			t.Error("metrics do not show that the budget is spent")
		}
	})
}

func TestALateReadIsSentToAnotherServerToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		var n atomic.Int64
		h := func(every int64) http.HandlerFunc {
			return healthy(func(w http.ResponseWriter, r *http.Request) {
				d := 10 * time.Millisecond
				if n.Add(1)%every == 0 {
					d = 2 * time.Second
				}
				wait.For(r.Context(), d)
			})
		}
		l.serve(h(50), h(50), h(50))
		l.load(500, 5*time.Second)
		before := l.metric("picloud_lb_hedges_total", "sent")
		slow := 0
		for _, r := range l.load(1000, 10*time.Second) {
			if r.took > time.Second {
				slow++
			}
		}
		hedges := l.metric("picloud_lb_hedges_total", "sent") - before
		if slow > 5 || hedges > 60 {
			t.Errorf("of 1000 reads, of which 20 met a server that took 2 s, %d took more than 1 s; %v were sent twice", slow, hedges)
		}
		if won := l.metric("picloud_lb_hedges_total", "won"); won == 0 {
			t.Error("metrics show no second answer that came first")
		}
		if n := l.metric("picloud_lb_in_flight"); n != 0 {
			t.Errorf("%v requests are under way still", n)
		}
	})
}

func TestWritesAreNotHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(after(10*time.Millisecond, says("a")), after(10*time.Millisecond, says("b")))
		l.load(200, 2*time.Second)
		l.balancer.pools["web"].mu.Lock()
		l.balancer.pools["web"].late = time.Millisecond
		l.balancer.pools["web"].mu.Unlock()
		before := l.count("a") + l.count("b")
		l.ask("PUT", "/", "x")
		l.ask("POST", "/", "x")
		if n := l.count("a") + l.count("b") - before; n != 2 {
			t.Errorf("two writes were sent %d times", n)
		}
	})
}

func TestAServerThatDoesWorseThanTheOthersIsEjected(t *testing.T) {
	good := after(10*time.Millisecond, says("ok"))
	for _, c := range []struct {
		name    string
		servers []http.HandlerFunc
		out     string // the servers that are left out, which are the last ones
		why     string
	}{
		{"one fails", []http.HandlerFunc{good, good, status(500)}, "c", "failures"},
		{"one fails half of the time", []http.HandlerFunc{good, good, sometimes(500)}, "c", "failures"},
		{"one is slow", []http.HandlerFunc{good, good, after(500*time.Millisecond, says("ok"))}, "c", "slow"},
		{"all are slow", []http.HandlerFunc{after(time.Second, says("ok")), after(time.Second, says("ok"))}, "", ""},
		{"all fail", []http.HandlerFunc{status(500), status(500), status(500), status(500)}, "", ""},
		{"all are full most of the time", []http.HandlerFunc{mostly(503, 0), mostly(503, 2), mostly(503, 4)}, "", ""},
		{"one is alone", []http.HandlerFunc{status(500)}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, Config{})
				l.serve(c.servers...)
				l.load(1000, 5*time.Second)
				want := float64(len(c.out))
				if n := l.metric("picloud_lb_servers", "ejected"); n != want {
					t.Errorf("%v servers are out, not %v", n, want)
				}
				if want > 0 && l.metric("picloud_lb_ejections_total", c.why) == 0 {
					t.Error("they are not out for " + c.why)
				}
				if c.out != "c" {
					return
				}
				before := l.count("c")
				l.load(100, time.Second)
				if n := l.count("c") - before; n != 0 {
					t.Errorf("a server that is out was sent %d requests", n)
				}
				time.Sleep(30 * time.Second)
				if n := l.metric("picloud_lb_servers", "ejected"); n != 0 {
					t.Error("it stays out for ever")
				}
			})
		})
	}
}

// mostly answers with a code six times in a row, and then twice well, beginning at some place of that.
func mostly(code int, place int64) http.HandlerFunc {
	var n atomic.Int64
	n.Store(place)
	return healthy(func(w http.ResponseWriter, r *http.Request) {
		wait.For(r.Context(), 10*time.Millisecond)
		if n.Add(1)%8 < 6 {
			w.WriteHeader(code)
		}
	})
}

func sometimes(code int) http.HandlerFunc {
	var n atomic.Int64
	return healthy(func(w http.ResponseWriter, r *http.Request) {
		wait.For(r.Context(), 10*time.Millisecond)
		if n.Add(1)%2 == 0 {
			w.WriteHeader(code)
		}
	})
}

// busy makes a handler do one request after the other.
func busy(d time.Duration) http.HandlerFunc {
	turn := make(chan struct{}, 1)
	return healthy(func(w http.ResponseWriter, r *http.Request) {
		select {
		case turn <- struct{}{}:
		case <-r.Context().Done():
			return
		}
		defer func() { <-turn }()
		time.Sleep(d) // what nobody waits for is done too
		fmt.Fprint(w, "ok")
	})
}

// TestOverloadIsShed: three times as much comes as the servers can do. What is of the highest priority is done, and
// what is refused is refused soon.
func TestOverloadIsShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Routes: []Route{
			{Service: "web", Timeout: 2 * time.Second},
			{Prefix: "/pay", Service: "web", Priority: Critical, Timeout: 2 * time.Second},
			{Prefix: "/stats", Service: "web", Priority: Background, Timeout: 2 * time.Second},
		}})
		l.serve(busy(10*time.Millisecond), busy(10*time.Millisecond)) // 200 a second
		paths := []string{"/pay", "/x", "/stats", "/stats"}
		var mu sync.Mutex
		good, all, slowest := map[string]int{}, map[string]int{}, time.Duration(0)
		const n, over = 3600, 6 * time.Second
		l.all(n, func(i int) reply {
			at := over * time.Duration(i) / n
			time.Sleep(at)
			path := paths[i%len(paths)]
			r := l.get(path)
			if at < over/2 {
				return r // it has not found out yet how much the servers can do
			}
			mu.Lock()
			defer mu.Unlock()
			all[path]++
			if r.status == 200 {
				good[path]++
				slowest = max(slowest, r.took)
			} else if r.status != 503 {
				t.Errorf("%s: status %d after %s", path, r.status, r.took)
			}
			return r
		})
		t.Logf("good %v of %v, the slowest %s", good, all, slowest)
		if good["/pay"]*100 < 95*all["/pay"] {
			t.Errorf("%d of %d requests of the highest priority are done", good["/pay"], all["/pay"])
		}
		if total := good["/pay"] + good["/x"] + good["/stats"]; total < 480 {
			t.Errorf("in 3 s %d requests are done, where 600 could be", total)
		}
		if good["/stats"] > good["/x"] {
			t.Errorf("%d requests in the background are done, and %d normal ones", good["/stats"], good["/x"])
		}
		if slowest > time.Second {
			t.Errorf("one was done after %s", slowest)
		}
		if l.metric("picloud_lb_shed_total", "background") == 0 {
			t.Error("metrics show nothing that was refused")
		}
	})
}

// TestALongBodyIsPassedThrough in both directions.
func TestALongBodyIsPassedThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			_, _ = w.Write(b)
		}))
		long := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		if got := l.ask("POST", "/", string(long)); got.body != string(long) {
			t.Errorf("of %d bytes %d come back", len(long), len(got.body))
		}
	})
}

func TestAQueueServesByPriorityAndNeverHoldsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queue{most: rapid.IntRange(1, 5).Draw(t, "most"), wait: time.Second}
		var model []*waiter // in the order in which they came
		now := time.Now()
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				w := &waiter{rank: rapid.IntRange(0, 2).Draw(t, "rank"), given: make(chan *server, 1)}
				lowest := -1 // the newest of the least priority below it
				for i, v := range model {
					if v.rank > w.rank && (lowest < 0 || v.rank >= model[lowest].rank) {
						lowest = i
					}
				}
				added := q.add(w, now)
				if want := len(model) < q.most || lowest >= 0; added != want {
					t.Fatalf("added: %v", added)
				}
				if len(model) == q.most && added {
					if len(model[lowest].given) != 1 {
						t.Fatal("another one made place")
					}
					model = append(model[:lowest:lowest], model[lowest+1:]...)
				}
				if added {
					model = append(model, w)
				}
			},
			"next": func(t *rapid.T) {
				newest := q.standing(now)
				w := q.next(now)
				best := -1
				for i, v := range model {
					if best < 0 || v.rank < model[best].rank || newest && v.rank == model[best].rank {
						best = i
					}
				}
				if best < 0 && w == nil {
					return
				}
				if w == nil || w != model[best] {
					t.Fatal("another one is served")
				}
				model = append(model[:best:best], model[best+1:]...)
			},
			"leave": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				i := rapid.IntRange(0, len(model)-1).Draw(t, "who")
				if w := model[i]; !q.remove(w) || q.remove(w) {
					t.Fatal("it cannot leave, or leaves twice")
				}
				model = append(model[:i:i], model[i+1:]...)
			},
			"": func(t *rapid.T) {
				now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second / 2, 2 * time.Second}).Draw(t, "time"))
				if q.length() != len(model) || q.length() > q.most {
					t.Fatalf("it holds %d, not %d", q.length(), len(model))
				}
			},
		})
	})
}

// TestWhatNetHTTPRepeatsIsAnAttempt: an answer that says that nothing is there is that of the last one only.
func TestWhatNetHTTPRepeatsIsAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{Policy: Policy{HealthEvery: time.Hour}})
		var n atomic.Int64
		l.listen("a", healthy(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == "GET":
			case n.Add(1) == 1:
				panic(http.ErrAbortHandler)
			default:
				w.WriteHeader(404)
			}
		}))
		l.tell("web", presence.Instance{Service: "web", ID: "a", Address: "a:80"})
		time.Sleep(time.Millisecond)
		l.get("/") // for a connection
		if got := l.ask("PUT", "/", "", "Idempotency-Key: 1"); got.status != 404 || got.header.Get(web.AttemptsHeader) != "2" {
			t.Errorf("status %d after %s attempts", got.status, got.header.Get(web.AttemptsHeader))
		}
	})
}

// TestARequestThatBreaksConnectionsIsSentThreeTimes, although net/http has many connections on which to repeat it, and only once while second
// attempts are over their budget.
func TestARequestThatBreaksConnectionsIsSentThreeTimes(t *testing.T) {
	for _, c := range []struct{ method, key string }{{"GET", ""}, {"HEAD", ""}, {"OPTIONS", ""}, {"DELETE", ""}, {"GET", "1"}, {"DELETE", "1"}, {"PUT", "1"}, {"POST", "1"}} {
		t.Run(c.method+" "+c.key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, Config{Policy: Policy{HealthEvery: time.Hour, Eject: time.Millisecond}})
				var sent atomic.Int64
				l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/poison" {
						sent.Add(1)
						panic(http.ErrAbortHandler)
					}
					time.Sleep(100 * time.Millisecond)
				}))
				warm := func() {
					l.all(30, func(int) reply { return l.get("/") }) // so many connections
					time.Sleep(time.Second)
				}
				warm()
				var headers []string
				if c.key != "" {
					headers = append(headers, "Idempotency-Key: "+c.key)
				}
				ask := func() { l.ask(c.method, "/poison", "", headers...) }
				if ask(); sent.Load() < 2 || sent.Load() > mostAttempts {
					t.Errorf("it was sent %d times", sent.Load())
				}
				for range 20 {
					warm()
					retries := l.balancer.pools["web"].retries
					retries.mu.Lock()
					retries.saved = 0 // of what the others have earned
					retries.mu.Unlock()
					sent.Store(0)
					if ask(); sent.Load() > 2 { // net/http has repeated it when it asks
						t.Fatalf("without a budget it was sent %d times", sent.Load())
					}
				}
			})
		})
	}
}
