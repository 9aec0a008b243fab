package abuse

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/abuse/link"
	"picloud/node/api"
	"picloud/node/metricstest"
	"picloud/node/presence"
	"picloud/node/store/storetest"
)

// lab is a store with servers and clients, who call each other without a network.
type lab struct {
	t     *testing.T
	store *storetest.Store
	ctx   context.Context

	mu      sync.Mutex
	servers map[string]*Server // by address
	cut     bool               // nobody hears of changes
	hangs   bool               // servers do not answer
}

// stage runs a story with a lab, on a clock that goes on when nobody works.
func stage(t *testing.T, story func(*lab)) {
	synctest.Test(t, func(t *testing.T) {
		scope := &storetest.Scope{TB: t}
		defer scope.End()
		ctx, end := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer end()
		l := &lab{t: t, store: storetest.New(scope), ctx: ctx, servers: map[string]*Server{}}
		story(l)
	})
}

// source is the store as servers and clients see it: they may be cut off from the feed of changes.
type source struct {
	*storetest.Store
	lab *lab
}

func (s source) Follow(ctx context.Context, f *api.Follow) (*api.Changes, error) {
	s.lab.mu.Lock()
	cut := s.lab.cut
	s.lab.mu.Unlock()
	if cut {
		return nil, api.Errorf(api.Unavailable, "follow", "", "cut")
	}
	found, err := s.Store.Follow(ctx, f)
	if err == nil {
		found.Current = true
	}
	return found, err
}

// serve begins a server, in the place of one that was there.
func (l *lab) serve(address string) *Server {
	l.t.Helper()
	s, err := New(Config{Port: "9200", Tenants: []Tenant{*tenant("shop"), *tenant("forum")}}, address, source{l.store, l}, prometheus.NewRegistry(), quiet())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, t := range s.tenants {
		go t.mirror.Run(l.ctx)
		go t.texts.run(l.ctx)
	}
	go s.workHarms(l.ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers[address] = s
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// RoundTrip asks a server.
func (l *lab) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	s, hangs := l.servers[r.URL.Host], l.hangs
	l.mu.Unlock()
	if hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if s == nil {
		return nil, fmt.Errorf("dial %s: refused", r.URL.Host)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result(), nil
}

// client returns a client that knows all servers that there are.
func (l *lab) client() *Client {
	l.t.Helper()
	c, err := newClient(source{l.store, l}, []string{"shop"}, l, quiet())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, t := range c.tenants {
		go t.mirror.Run(l.ctx)
	}
	var list []presence.Instance
	for address := range l.servers {
		list = append(list, presence.Instance{Address: address})
	}
	c.know(list)
	return c
}

// pass lets time go by.
func (l *lab) pass(d time.Duration) {
	time.Sleep(d)
	l.store.Tick(d)
}

func (l *lab) rules(tenant string) *Rules {
	r, err := NewRules(l.store, tenant)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func post(text string) *Event {
	return &Event{Tenant: "shop", What: Post, Who: "anna", From: "10.0.0.1", Text: text}
}

// expect judges an event and compares the decision and the reason.
func (l *lab) expect(g Guard, e *Event, d Decision, r Reason) Verdict {
	l.t.Helper()
	v := g.Judge(l.ctx, e)
	if v.Decision != d || v.Reason != r {
		l.t.Errorf("%.60q of %s: %s %s (%s), not %s %s", e.Text, e.Who, v.Decision, v.Reason, v.Detail, d, r)
	}
	return v
}

// teach labels texts of which the model can learn where the line is.
func (l *lab) teach(source string, n int, lie bool) {
	l.t.Helper()
	rules := l.rules("shop")
	for i := range n {
		ham := fmt.Sprintf("see you at the %s on day %d, bring the dog", []string{"lake", "school", "market"}[i%3], i)
		spam := fmt.Sprintf("WIN cash prize no %d now, call the claim line", i)
		l.must(rules.Label(l.ctx, Label{source, ham, lie}))
		if i%3 == 0 {
			l.must(rules.Label(l.ctx, Label{source, spam, !lie}))
		}
	}
}

func TestWhatIsOnAListIsRefusedEverywhere(t *testing.T) {
	stage(t, func(l *lab) {
		l.serve("pi-1")
		c := l.client()
		l.pass(2 * time.Second)
		const bad = "look at http://bad.example/x"
		l.expect(c, post(bad), Allow, "")
		if got := c.Listed("shop", bad, nil); !got.Known || got.Reason != "" {
			t.Errorf("before it is listed: %+v", got)
		}
		l.must(l.rules("shop").Add(l.ctx, Links, "bad.example", "anna", "sells lies"))
		l.pass(ListBound)
		l.expect(c, post(bad), Refuse, ByLink)
		l.expect(c, post("look at http://good.example/x"), Allow, "")
		if got := c.Listed("shop", bad, nil); !got.Known || got.Reason != ByLink {
			t.Errorf("%s after it was listed: %+v", ListBound, got)
		}
		e := post(bad)
		e.Tenant = "forum"
		l.expect(c, e, Allow, "")
		l.must(l.rules("shop").Remove(l.ctx, Links, "bad.example", "anna", "an error"))
		l.pass(ListBound)
		l.expect(c, post(bad), Allow, "")
	})
}

// TestTheLongestEntryIsAKey, of the tenant with the longest name.
func TestTheLongestEntryIsAKey(t *testing.T) {
	r, err := NewRules(storetest.New(t), strings.Repeat("t", 63))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.Repeat(strings.Repeat("h", 61)+".", 4) + "ex.de" // 253 bytes
	for _, host := range []string{"a.de", host} {
		entry := ""
		for n := 1; n <= 2000; n++ { // the longest one
			e, err := link.ParseEntry(host + "/" + strings.Repeat("x", n))
			if err != nil {
				break
			}
			entry = e.String()
		}
		if err := r.Add(t.Context(), Links, entry, "anna", ""); err != nil {
			t.Errorf("an entry of %d bytes: %v", len(entry), err)
		}
	}
}

func TestAPictureThatLooksLikeOneOnTheListIsRefused(t *testing.T) {
	stage(t, func(l *lab) {
		l.serve("pi-1")
		c := l.client()
		picture := strings.Repeat("0123456789abcdef", 4)
		near := "1" + picture[1:] // one bit
		l.must(l.rules("shop").Add(l.ctx, Pictures, picture, "anna", ""))
		l.pass(ListBound)
		e := post("")
		e.Pictures = []string{near}
		l.expect(c, e, Refuse, ByPicture)
		if got := c.Listed("shop", "", e.Pictures); got.Reason != ByPicture {
			t.Errorf("stored: %+v", got)
		}
		e.Pictures = []string{strings.Repeat("fedcba9876543210", 4)}
		l.expect(c, e, Allow, "")
	})
}

func TestListsThatMayBeOldAreNotKnown(t *testing.T) {
	stage(t, func(l *lab) {
		l.serve("pi-1")
		c := l.client()
		if got := c.Listed("shop", "x", nil); got.Known {
			t.Error("nothing was heard yet, and the lists are known")
		}
		l.pass(2 * time.Second)
		if got := c.Listed("shop", "x", nil); !got.Known {
			t.Error("the lists are not known")
		}
		l.mu.Lock()
		l.cut = true
		l.mu.Unlock()
		l.pass(ListBound + 2*time.Second)
		if got := c.Listed("shop", "x", nil); got.Known {
			t.Errorf("nothing was heard for longer than %s, and the lists are known", ListBound)
		}
		l.pass(rulesBound)
		l.expect(c, post("see you at the lake"), Quarantine, Undecided)
		l.expect(c, &Event{Tenant: "shop", What: Login, Who: "anna", From: "10.0.0.1"}, Allow, "")
	})
}

func TestNobodyToJudgeIsNoYes(t *testing.T) {
	stage(t, func(l *lab) {
		c := l.client()
		l.expect(c, post("hello"), Quarantine, Undecided)
		l.serve("pi-1")
		l.serve("pi-2")
		c = l.client()
		l.pass(2 * time.Second)
		l.expect(c, post("hello"), Allow, "")
		l.mu.Lock()
		l.hangs = true
		l.mu.Unlock()
		began := time.Now()
		l.expect(c, post("hello"), Quarantine, Undecided)
		if took := time.Since(began); took > Deadline {
			t.Errorf("it took %s", took)
		}
	})
}

func TestOneServerIsEnough(t *testing.T) {
	stage(t, func(l *lab) {
		l.serve("pi-1")
		l.serve("pi-2")
		c := l.client()
		l.pass(2 * time.Second)
		l.mu.Lock()
		delete(l.servers, "pi-1")
		l.mu.Unlock()
		for i := range 8 {
			e := post("hello")
			e.From = fmt.Sprintf("10.0.0.%d", i)
			l.expect(c, e, Allow, "")
		}
	})
}

// learned names what a server has learned of the shop's labels.
func learned(s *Server) string {
	t := s.tenants["shop"].texts
	t.reading.RLock()
	defer t.reading.RUnlock()
	return t.model.Digest()
}

func TestTextsAreLearned(t *testing.T) {
	stage(t, func(l *lab) {
		one, other := l.serve("pi-1"), l.serve("pi-2")
		c := l.client()
		l.pass(2 * time.Second)
		spam, ham := post("WIN a cash prize now, call the claim line"), post("see you at the market on day 1001")
		l.expect(c, spam, Allow, "") // nobody has said anything yet
		l.teach("anna", 300, false)
		l.pass(5 * time.Second)
		if v := l.expect(c, spam, Quarantine, ByText); !strings.Contains(v.Detail, "spam") || v.Score < 100_000 {
			t.Errorf("%+v", v)
		}
		l.expect(c, ham, Allow, "")
		same := func(when string) {
			t.Helper()
			late := l.serve("pi-3") // which reads all of it at once
			l.pass(2 * time.Second)
			a, b, d := learned(one), learned(other), learned(late)
			if a != b || a != d {
				t.Errorf("%s three servers have learned %.8s, %.8s and %.8s", when, a, b, d)
			}
		}
		same("after teaching")
		before := learned(one)
		l.teach("mallory", 300, true)
		l.pass(5 * time.Second)
		same("after a source that lies")
		l.must(l.rules("shop").Distrust(l.ctx, "mallory", "anna", "lies"))
		l.pass(5 * time.Second)
		same("after it is distrusted")
		if got := learned(one); got != before {
			t.Error("what a distrusted source has said counts still")
		}
		l.expect(c, spam, Quarantine, ByText)
		l.must(l.rules("shop").Label(l.ctx, Label{"anna", "see you at the lake on day 0, bring the dog", true})) // she changes her mind
		l.pass(5 * time.Second)
		same("after a label was changed")
	})
}

func TestARowIsWhatItsKeyBeginsWith(t *testing.T) {
	for key, want := range map[string][2]string{
		"@abuse:shop/condemned/10.0.0.1":       {rowCondemned, "10.0.0.1"},
		"@abuse:shop/condemned/a/list/links/b": {rowCondemned, "a/list/links/b"},
		"@abuse:shop/list/links/a.b/label/c":   {rowList, "links/a.b/label/c"},
		"@abuse:shop/audit/1":                  {"", ""},
	} {
		if row, name := rowOf(key); row != want[0] || name != want[1] {
			t.Errorf("%s is %q %q", key, row, name)
		}
	}
}

func TestTheAuditTrailSaysWhoDidWhat(t *testing.T) {
	stage(t, func(l *lab) {
		r := l.rules("shop")
		for range 2 { // what is said twice is said once
			l.must(r.Add(l.ctx, Links, "bad.example", "anna", "lies"))
			l.must(r.Label(l.ctx, Label{"ben", "buy now", true}))
			l.must(r.Distrust(l.ctx, "carl", "anna", "drunk"))
			l.pass(time.Second)
		}
		l.must(r.Remove(l.ctx, Links, "bad.example", "dora", "a mistake"))
		l.pass(time.Second)
		l.must(r.Trust(l.ctx, "carl", "anna", "sober"))
		var got []string
		before := ""
		for {
			lines, next, err := r.Audit(l.ctx, before, 2)
			l.must(err)
			for _, line := range lines {
				got = append(got, line.By+" "+line.Did)
			}
			if before = next; next == "" {
				break
			}
		}
		all := strings.Join(got, ", ")
		if strings.Count(all, ",") != 4 || !strings.HasPrefix(all, "anna trust, dora unlist, ") {
			t.Errorf("the trail, the newest first: %s", all)
		}
	})
}

func TestRequestsThatAreNone(t *testing.T) {
	stage(t, func(l *lab) {
		s := l.serve("pi-1")
		for _, c := range []struct {
			method, path, body string
			status             int
			kind               api.Kind
		}{
			{"GET", judgePath, "", 405, api.MethodNotAllowed},
			{"POST", "/v1/judges", "{}", 404, api.NotFound},
			{"POST", judgePath, "", 400, api.BadRequest},
			{"POST", judgePath, "{", 400, api.BadRequest},
			{"POST", judgePath, `{"tenant":"shop","what":"post","colour":"red"}`, 400, api.BadRequest},
			{"POST", judgePath, `{"tenant":"shop","what":"dance"}`, 400, api.BadRequest},
			{"POST", judgePath, `{"tenant":"Shop","what":"post"}`, 400, api.BadRequest},
			{"POST", judgePath, `{"tenant":"bakery","what":"post"}`, 404, api.NotFound},
			{"POST", judgePath, `{"tenant":"shop","what":"post","cost":-1}`, 400, api.BadRequest},
			{"POST", judgePath, `{"tenant":"shop","what":"post","pictures":["xyz"]}`, 400, api.BadRequest},
			{"POST", judgePath + "?a=b", `{"tenant":"shop","what":"post"}`, 400, api.BadRequest},
			{"POST", judgePath, `{"tenant":"shop","what":"post","text":"` + strings.Repeat("x", maxBody) + `"}`, 413, api.TooLarge},
			{"POST", offencePath, `{"tenant":"shop","what":"post","who":"a\nb"}`, 400, api.BadRequest},
		} {
			l.pass(2 * time.Second)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequest(c.method, c.path, bytes.NewReader([]byte(c.body))))
			body, _ := io.ReadAll(w.Result().Body)
			if w.Code != c.status || !strings.Contains(string(body), `"`+string(c.kind)+`"`) {
				t.Errorf("%s %s %.60s: %d %.120s, not %d %s", c.method, c.path, c.body, w.Code, body, c.status, c.kind)
			}
		}
	})
}

func TestMetricsSayWhatWasDecided(t *testing.T) {
	stage(t, func(l *lab) {
		registry := prometheus.NewRegistry()
		s, err := New(Config{Port: "9200", Tenants: []Tenant{*tenant("shop")}}, "pi-1", source{l.store, l}, registry, quiet())
		l.must(err)
		for _, t := range s.tenants {
			go t.mirror.Run(l.ctx)
			go t.texts.run(l.ctx)
		}
		l.pass(2 * time.Second)
		v, err := s.judge(l.ctx, post("hello"))
		if err != nil || v.Decision != Allow {
			t.Fatalf("%+v, %v", v, err)
		}
		if got := metricstest.Sum(t, registry, "picloud_abuse_verdicts_total", "shop", "allow"); got != 1 {
			t.Errorf("%v verdicts", got)
		}
	})
}
