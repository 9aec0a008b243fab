package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/metricstest"
	"picloud/node/presence"
)

// story is a lab in which time goes on when the test waits.
func story(t *testing.T, c Config, servers int, tell func(t *testing.T, l *lab)) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		for i := range servers {
			l.serve(fmt.Sprintf("pi-%d:1", i+1), c)
		}
		defer func() {
			time.Sleep(time.Minute) // what was offered has come
			l.close()
		}()
		tell(t, l)
	})
}

// read reads, and fails the test if the answer is not what it may be.
func (l *lab) read(c *Client, o api.Op) *Answer {
	l.t.Helper()
	invoked := time.Now()
	a, err := c.Read(l.t.Context(), o)
	if err == nil {
		err = l.judge(o, &a[0], invoked, 2*time.Second)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return &a[0]
}

// settle lets what goes on behind reads end.
func settle() { time.Sleep(50 * time.Millisecond) }

func (l *lab) server() *Server { return l.servers["pi-1:1"] }

// count returns how often something happened at a server.
func (l *lab) count(s *Server, name string, labels ...string) int {
	l.t.Helper()
	return int(metricstest.Sum(l.t, l.registries[s], "picloud_cache_"+name, labels...))
}

func TestWhatWasReadIsKeptUntilItChanges(t *testing.T) {
	story(t, Config{Port: "1"}, 1, func(t *testing.T, l *lab) {
		c := l.client()
		l.change(put("a/1", "x"), put("a/2", "y"))
		for _, o := range []api.Op{get("a/1"), get("a/none"), scan("a/", ""), scan("a/1", "a/2"), {Kind: api.Scan, Key: "a", Limit: 1, Reverse: true}} {
			if first := l.read(c, o); first.From != "" || first.Age != 0 {
				t.Errorf("%s %s comes first from %q", o.Kind, o.Key, first.From)
			}
			settle()
			before := l.reads
			if again := l.read(c, o); again.From != "pi-1:1" || l.reads != before || again.Revision != 1 {
				t.Errorf("%s %s comes again from %q, at revision %d", o.Kind, o.Key, again.From, again.Revision)
			}
		}
		l.change(put("a/2", "z")) // makes old what asks for it, and only that
		settle()
		for _, c2 := range []struct {
			op   api.Op
			kept bool
		}{{get("a/1"), true}, {get("a/none"), true}, {scan("a/1", "a/2"), true}, {scan("a/", ""), false}} {
			if a := l.read(c, c2.op); (a.From != "") != c2.kept {
				t.Errorf("after the change %s %s comes from %q", c2.op.Kind, c2.op.Key, a.From)
			}
		}
		time.Sleep(time.Hour) // nobody asks
		if s := l.server(); len(s.partitions) > 0 || len(s.feeds) > 0 || s.memory.bytes > 0 {
			t.Errorf("after an hour %d partitions are followed, %d bytes kept", len(s.partitions), s.memory.bytes)
		}
		if a := l.read(c, get("a/1")); a.From != "" {
			t.Errorf("it comes from %q although nobody followed its changes", a.From)
		}
	})
}

// ask asks a server for an item, and returns its lease.
func (l *lab) lease(o api.Op) (id string, token uint64) {
	l.t.Helper()
	i, err := newItem(o)
	if err != nil {
		l.t.Fatal(err)
	}
	a, _ := l.server().read(l.t.Context(), i, false)
	if a.outcome != leased {
		l.t.Fatalf("%s of %s, not a lease", a.outcome, o.Key)
	}
	return i.id, a.token
}

// TestAnAnswerIsNoYoungerThanItsQuestion: who waits for the lock may have looked at the clock before the server heard of changes for the last time.
func TestAnAnswerIsNoYoungerThanItsQuestion(t *testing.T) {
	story(t, Config{Port: "1"}, 1, func(t *testing.T, l *lab) {
		c := l.client()
		l.change(put("a/1", "x"))
		l.read(c, get("a/1"))
		settle()
		i, err := newItem(get("a/1"))
		if err != nil {
			t.Fatal(err)
		}
		a, is := l.server().hit([]byte(i.id), false, time.Now().Add(-time.Second))
		if !is || a.age < 0 {
			t.Fatalf("it is kept: %t, and %s old", is, a.age)
		}
		if _, err := decodeAnswer(a.encode()); err != nil {
			t.Errorf("a client cannot read the answer: %v", err)
		}
	})
}

// TestAnAnswerThatWasReadBeforeAChangeIsNotTakenAfterIt: a client reads, is held up, and offers what is old by then.
func TestAnAnswerThatWasReadBeforeAChangeIsNotTakenAfterIt(t *testing.T) {
	for _, s := range []struct {
		name      string
		change    bool
		knows     bool // the server knows of the change when the answer comes
		readAfter bool
		want      string
	}{
		{"nothing has changed", false, false, false, fillTaken},
		{"read before the change", true, true, false, fillStale},
		{"read after it", true, true, true, fillTaken},
		{"the change is not known yet", true, false, false, fillTaken},
	} {
		t.Run(s.name, func(t *testing.T) {
			story(t, Config{Port: "1"}, 1, func(t *testing.T, l *lab) {
				l.change(put("a/1", "x"), put("a/2", "y"))
				id, token := l.lease(scan("a/", ""))
				offered := func() *api.Reply {
					reply, err := l.store.Txn(t.Context(), &api.Txn{Then: []api.Op{scan("a/", "")}})
					if err != nil {
						t.Fatal(err)
					}
					return reply
				}
				reply := offered()
				if s.change {
					l.change(put("a/2", "z"))
				}
				if s.knows {
					settle()
				}
				if s.readAfter {
					reply = offered()
				}
				if what := l.server().fill(id, token, reply.Revision, reply.Encode()); what != s.want {
					t.Errorf("the answer is %s, want %s", what, s.want)
				}
				if what := l.server().fill(id, token, reply.Revision, reply.Encode()); what != fillLate {
					t.Errorf("with a lease that was used it is %s", what)
				}
				time.Sleep(3 * time.Second)
				l.read(l.client(), scan("a/", ""))
			})
		})
	}
}

func TestALeaseRunsOut(t *testing.T) {
	story(t, Config{Port: "1"}, 1, func(t *testing.T, l *lab) {
		id, old := l.lease(get("a"))
		i, _ := decodeItem([]byte(id))
		began := time.Now()
		if a, what := l.server().read(t.Context(), i, false); a.outcome != refused || what != readRefused || time.Since(began) != waitFor {
			t.Errorf("while another client has the lease: %s after %s", a.outcome, time.Since(began))
		}
		time.Sleep(leaseFor)
		_, token := l.lease(get("a"))
		reply, err := l.store.Txn(t.Context(), &api.Txn{Then: []api.Op{get("a")}})
		if err != nil {
			t.Fatal(err)
		}
		if what := l.server().fill(id, old, reply.Revision, reply.Encode()); what != fillLate {
			t.Errorf("with the lease that ran out: %s", what)
		}
		if what := l.server().fill(id, token, reply.Revision, reply.Encode()); what != fillTaken {
			t.Errorf("with the one that stands: %s", what)
		}
	})
}

// TestAServerThatHearsNothingRefusesWhatItCannotVouchFor: it is cut off from the store, and its clients are not.
func TestAServerThatHearsNothingRefusesWhatItCannotVouchFor(t *testing.T) {
	story(t, Config{Port: "1"}, 1, func(t *testing.T, l *lab) {
		c := l.client()
		l.change(put("a", "old"))
		l.read(c, get("a"))
		settle()
		l.suffer(trouble{cut: true})
		l.change(put("a", "new"))
		began := time.Now()
		for a := l.read(c, get("a")); ; a = l.read(c, get("a")) {
			if a.From == "" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if gone := time.Since(began); gone < 1400*time.Millisecond || gone > 1800*time.Millisecond {
			t.Errorf("it vouched for what it had for %s", gone)
		}
		for range 200 { // what a client has read of the store counts from the lease on
			l.read(c, get("a"))
			l.change(put("a", fmt.Sprint(time.Now())))
			time.Sleep(50 * time.Millisecond)
		}
		l.suffer(trouble{})
		time.Sleep(5 * time.Second)
		if a := l.read(c, get("a")); a.From != "" {
			t.Error("what changed meanwhile is still kept")
		}
	})
}

// TestWhatIsNoLongerKeptOfTheHistoryIsForgotten: a server slept for longer than the store keeps changes.
func TestWhatIsNoLongerKeptOfTheHistoryIsForgotten(t *testing.T) {
	story(t, Config{Port: "1"}, 1, func(t *testing.T, l *lab) {
		c := l.client()
		l.change(put("a", "old"))
		l.read(c, get("a"))
		settle()
		l.suffer(trouble{cut: true})
		time.Sleep(time.Second)
		l.change(put("a", "new"))
		l.change(put("b", "b"))
		l.store.Trim(l.store.Revision() + 1)
		l.suffer(trouble{})
		settle()
		for range 3 {
			l.read(c, get("a"))
			settle()
		}
		if n := l.count(l.server(), "feed_restarts_total"); n != 1 {
			t.Errorf("it began anew %d times", n)
		}
		if a := l.read(c, get("a")); a.From == "" {
			t.Error("nothing is kept any more")
		}
	})
}

// TestAHerdReadsOnce: many ask for what nobody has, at once.
func TestAHerdReadsOnce(t *testing.T) {
	story(t, Config{Port: "1"}, 1, func(t *testing.T, l *lab) {
		l.change(put("a", strings.Repeat("x", 100)))
		l.suffer(trouble{slow: 20 * time.Millisecond})
		var all sync.WaitGroup
		for range 50 {
			c := l.client() // on different machines
			for range 4 {
				all.Go(func() { l.read(c, get("a")) })
			}
		}
		all.Wait()
		if l.reads != 1 {
			t.Errorf("the store was read %d times", l.reads)
		}
		if s := l.server(); l.count(s, "requests_total", readMiss) != 1 || l.count(s, "requests_total", readWaited)+l.count(s, "requests_total", readHit) != 49 {
			t.Errorf("%d misses, %d that waited, %d hits", l.count(s, "requests_total", readMiss), l.count(s, "requests_total", readWaited), l.count(s, "requests_total", readHit))
		}
	})
}

func TestAServerThatDoesNotAnswerIsLeftOut(t *testing.T) {
	story(t, Config{Port: "1"}, 3, func(t *testing.T, l *lab) {
		c := l.client()
		l.change(put("a", "x"))
		l.read(c, get("a"))
		settle()
		home := l.read(c, get("a")).From
		call := c.call
		c.call = func(ctx context.Context, server, method string, body []byte) ([]byte, error) {
			if server == home {
				<-ctx.Done()
				return nil, api.Errorf(api.Unknown, "call", server, "%s", ctx.Err())
			}
			return call(ctx, server, method, body)
		}
		began := time.Now()
		l.read(c, get("a"))
		if took := time.Since(began); took != askFor {
			t.Errorf("the first read took %s", took)
		}
		settle()
		began = time.Now()
		if a := l.read(c, get("a")); a.From == "" || a.From == home || time.Since(began) > 0 {
			t.Errorf("the next comes from %q after %s", a.From, time.Since(began))
		}
		c.call = call
		time.Sleep(outFor)
		if a := l.read(c, get("a")); a.From != home {
			t.Errorf("when it is there again, another one is asked: %s", a.From)
		}
		c.know(nil)
		if a := l.read(c, get("a")); a.From != "" || a.Age != 0 {
			t.Errorf("without servers: %+v", a)
		}
	})
}

// TestEachItemHasAServerOfItsOwn: with one server fewer only what it had moves.
func TestEachItemHasAServerOfItsOwn(t *testing.T) {
	c := newClient(nil, quiet(), nil)
	home := func(servers []string) map[string]string {
		var list []presence.Instance
		for _, server := range servers {
			list = append(list, presence.Instance{Address: server})
		}
		c.know(list)
		homes := map[string]string{}
		for n := range 3000 {
			i, err := newItem(get(fmt.Sprint("p/", n)))
			if err != nil {
				t.Fatal(err)
			}
			ranked, _ := c.rank(i)
			homes[i.op.Key] = ranked[0]
		}
		return homes
	}
	before, after, shares := home([]string{"a:1", "b:1", "c:1"}), home([]string{"a:1", "c:1"}), map[string]int{}
	for key, server := range before {
		shares[server]++
		if server != "b:1" && after[key] != server {
			t.Fatalf("%s moves from %s to %s", key, server, after[key])
		}
	}
	if least := slices.Min(slices.Collect(maps.Values(shares))); len(shares) != 3 || least < 900 {
		t.Errorf("the shares are %v", shares)
	}
}

// TestAHotItemIsReadOfSeveralServers until it is not hot any more.
func TestAHotItemIsReadOfSeveralServers(t *testing.T) {
	story(t, Config{Port: "1", HotReads: 100}, 5, func(t *testing.T, l *lab) {
		c := l.client()
		l.change(put("a", "x"))
		from := func(reads int, every time.Duration) map[string]int {
			l.t.Helper()
			shares := map[string]int{}
			for range reads {
				shares[l.read(c, get("a")).From]++
				time.Sleep(every)
			}
			delete(shares, "")
			return shares
		}
		if shares := from(100, 100*time.Millisecond); len(shares) != 1 {
			t.Errorf("at ten reads a second: %v", shares)
		}
		from(200, 5*time.Millisecond) // until somebody notices
		shares := from(3000, 5*time.Millisecond)
		if len(shares) != copies || slices.Max(slices.Collect(maps.Values(shares))) > 1200 {
			t.Errorf("at two hundred reads a second: %v", shares)
		}
		time.Sleep(2 * hotFor)
		if shares := from(100, 100*time.Millisecond); len(shares) != 1 {
			t.Errorf("at ten reads a second again: %v", shares)
		}
	})
}

// TestAnyBoundCanBeKept: the store takes calls that wait for so long.
func TestAnyBoundCanBeKept(t *testing.T) {
	for _, bound := range []time.Duration{leastBound, time.Minute, mostBound} {
		c := Config{Port: "1", Bound: bound}
		f := api.Follow{Partitions: []string{"a"}, Wait: c.pollFor()}
		if err := errors.Join(c.Validate(), f.Validate()); err != nil {
			t.Errorf("%s: %v", bound, err)
		}
	}
}

// TestTheMemoryIsBounded fills servers far beyond their memory, with answers of several sizes, and measures them.
func TestTheMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures memory")
	}
	const most = 4 << 20
	for _, size := range []int{0, 300, 5_000, 100_000, 2_000_000} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			l := newLab(t)
			heap := func() int64 {
				runtime.GC()
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			before := heap()
			s := l.serve("pi-1:1", Config{Port: "1", MemoryBytes: most})
			defer l.close()
			empty := heap() - before
			largest := int64(0)
			for n := range max(20, min(30_000, 6*most/(size+1))) {
				o := get(fmt.Sprint("a/", n))
				id, token := l.lease(o)
				reply := &api.Reply{Results: []api.Result{{Records: []api.Record{{Key: o.Key, Value: bytes.Repeat([]byte("x"), size)}}}}, Revision: 1}
				body := (&fillCall{[]byte(id), token, reply.Encode()}).encode()
				if _, err := s.serveFill(t.Context(), append(make([]byte, 0, len(body)*3/2), body...)); err != nil { // as buffers grow
					t.Fatal(err)
				}
				s.mu.Lock()
				largest = max(largest, s.memory.bytes)
				s.mu.Unlock()
			}
			s.Collect(make(chan<- prometheus.Metric, 100))
			took := heap() - before
			s.mu.Lock()
			counted, entries := s.memory.bytes, s.memory.entries
			s.mu.Unlock()
			t.Logf("%d entries: %d bytes counted, %d measured, %d of them before there was any", entries, counted, took, empty)
			if largest > most || took > most {
				t.Errorf("%d bytes counted at most and %d measured in the end, of %d", largest, took, most)
			}
			if size < 100_000 && counted < most/2 {
				t.Errorf("only %d bytes are used", counted)
			}
		})
	}
}
