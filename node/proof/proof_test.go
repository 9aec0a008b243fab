package proof

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/metricstest"
	"picloud/node/presence"
	"picloud/node/store/storetest"
)

// lab is a cloud of nodes that test themselves, in the time of a synctest bubble.
type lab struct {
	t       *testing.T
	store   *storetest.Store
	network func(string) *hosttest.Memory
}

func inLab(t *testing.T, tell func(t *testing.T, l *lab)) {
	synctest.Test(t, func(t *testing.T) {
		tell(t, &lab{t, storetest.New(t), hosttest.NewMemory()})
	})
}

// cpu is a processor of four cores: which of them runs what is being tested, and what is wrong with it.
type cpu struct {
	mu    sync.Mutex
	core  atomic.Int64
	wrong atomic.Pointer[func(core int, message []byte) bool] // nil for never
}

// faulty returns a processor that is wrong about some messages on some cores.
func faulty(wrong func(core int, message []byte) bool) *cpu {
	c := &cpu{}
	c.wrong.Store(&wrong)
	return c
}

func (c *cpu) Count() int { return 4 }

func (c *cpu) On(core int, f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.core.Store(int64(core))
	defer c.core.Store(-1)
	f()
	return nil
}

func (c *cpu) sum(message []byte) [Size]byte {
	wrong := c.wrong.Load()
	return liar(func(message []byte) bool { return wrong != nil && (*wrong)(int(c.core.Load()), message) })(message)
}

// node is a node of the lab, until it is ended.
type node struct {
	*Checker
	cpu      *cpu
	registry *prometheus.Registry
	listener net.Listener
	ended    chan error
	end      func()
}

// quick does two rounds of what takes long.
type quick struct{}

func (quick) Rounds(int, time.Duration) int { return 2 }

// start starts a node; it verifies what others want.
func (l *lab) start(name, batch string, c *cpu) *node {
	l.t.Helper()
	n := &node{cpu: c, registry: prometheus.NewRegistry()}
	h := &host.Host{Name: name, Network: l.network(name), Cores: c, Effort: quick{}, Log: slog.New(slog.DiscardHandler)}
	var err error
	if n.Checker, err = New(Config{Port: "9300", Batch: batch, Verify: true}, h, l.store, n.registry); err != nil {
		l.t.Fatal(err)
	}
	n.first = c.sum
	if n.listener, err = h.Network.Listen("tcp", net.JoinHostPort("", "9300")); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.ended = make(chan error, 1)
	go func() { n.ended <- n.Run(ctx, n.listener) }()
	n.end = sync.OnceFunc(func() {
		cancel()
		if err := <-n.ended; err != nil {
			l.t.Error(err)
		}
	})
	l.t.Cleanup(n.end)
	return n
}

// findings returns what the ledger says, in short.
func (l *lab) findings() string {
	l.t.Helper()
	all, err := Findings(context.Background(), l.store)
	if err != nil {
		l.t.Fatal(err)
	}
	var said []string
	for _, f := range all {
		said = append(said, fmt.Sprintf("%s/%d %s by %s, %d times", f.Node, f.Core, f.State, f.By, f.Times))
	}
	return strings.Join(said, "; ")
}

func (l *lab) wantFindings(want string) {
	l.t.Helper()
	if got := l.findings(); got != want {
		l.t.Fatalf("the ledger says %q, not %q", got, want)
	}
}

func (n *node) count(t testing.TB, metric string, labels ...string) float64 {
	return metricstest.Sum(t, n.registry, "picloud_proof_"+metric, labels...)
}

// serving returns who verifies and wants to be asked.
func (l *lab) serving() (names []string) {
	ctx, cancel := context.WithCancel(context.Background())
	presence.Follow(ctx, l.store, slog.New(slog.DiscardHandler), Service, func(list []presence.Instance) {
		for _, i := range list {
			if !i.Draining {
				names = append(names, i.Address)
			}
		}
		cancel()
	})
	slices.Sort(names)
	return names
}

func TestAHealthyNodeIsBelieved(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		n := l.start("pi-1", "a", &cpu{})
		time.Sleep(time.Hour)
		if l.wantFindings(""); n.Condemned() || n.Refusal("hash") != nil {
			t.Error("it is condemned")
		}
		if got := n.count(t, "exams_total"); got < 4*360 || got > 4*362 {
			t.Errorf("in an hour four cores had %v exams", got)
		}
	})
}

// TestANodeWhosePortFailsVerifiesNoMore, and its role says so.
func TestANodeWhosePortFailsVerifiesNoMore(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		n := l.start("pi-1", "a", &cpu{})
		time.Sleep(time.Second)
		n.listener.Close()
		select {
		case err := <-n.ended:
			if err == nil {
				t.Error("its port failed, and it ended without a word")
			}
			n.ended <- nil // as n.end wants
		case <-time.After(time.Minute):
			t.Error("its port failed, and it goes on")
		}
	})
}

func TestACoreThatComputesWronglyIsCondemnedOverRestarts(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		bad := faulty(func(core int, m []byte) bool { return core == 2 && begins(0x0f, 3)(m) })
		well, n := l.start("pi-1", "a", &cpu{}), l.start("pi-2", "b", bad)
		told := 0
		n.WhenCondemned(func() { told++ })
		time.Sleep(time.Second)
		l.wantFindings("pi-2/2 condemned by exam, 1 times")
		n.WhenCondemned(func() { told++ })
		if e, ok := n.Refusal("hash").(*api.Error); !n.Condemned() || !ok || e.Kind != api.Condemned || told != 2 {
			t.Errorf("condemned: %v, it refuses with %v, and said so %d times", n.Condemned(), n.Refusal("hash"), told)
		}
		if got := n.count(t, "condemned_cores"); got != 1 {
			t.Errorf("%v cores are condemned", got)
		}
		if got := l.serving(); !slices.Equal(got, []string{"pi-1:9300"}) || well.Condemned() {
			t.Errorf("%v verify", got)
		}
		n.end()
		bad.wrong.Store(nil) // as long as it is cool
		n = l.start("pi-2", "b", bad)
		if time.Sleep(time.Second); !n.Condemned() {
			t.Error("after a restart it is believed again")
		}
		if got, err := Acquit(context.Background(), l.store, "pi-2"); got != 1 || err != nil {
			t.Errorf("%d findings were removed: %v", got, err)
		}
		n.end()
		n = l.start("pi-2", "b", bad)
		if time.Sleep(time.Minute); n.Condemned() {
			t.Error("although it was acquitted it is not believed")
		}
		l.wantFindings("")
	})
}

func TestWhatIsWrongOnceIsASuspicionAndThreeCondemn(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		c := &cpu{}
		n := l.start("pi-1", "a", c)
		glitch := func() {
			var used atomic.Bool
			once := func(core int, _ []byte) bool { return core == 1 && used.CompareAndSwap(false, true) }
			c.wrong.Store(&once)
			time.Sleep(15 * time.Second) // in which an exam comes, whenever the last one was
		}
		glitch()
		l.wantFindings("pi-1/1 suspected by exam, 1 times")
		if n.Condemned() || n.count(t, "suspected_cores") != 1 {
			t.Error("one wrong hash condemns it")
		}
		n.end()
		n = l.start("pi-1", "a", c)
		glitch()
		l.wantFindings("pi-1/1 suspected by exam, 2 times")
		glitch()
		if l.wantFindings("pi-1/1 condemned by exam, 3 times"); !n.Condemned() {
			t.Error("it is believed after three")
		}
	})
}

func TestAFindingIsWrittenOnceTheStoreAnswers(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.store.Fail(func(*api.Txn) *storetest.Fault {
			return &storetest.Fault{Err: api.Errorf(api.Unavailable, "try", "", "no leader")}
		})
		n := l.start("pi-1", "a", faulty(func(core int, _ []byte) bool { return core == 0 }))
		if time.Sleep(time.Minute); !n.Condemned() {
			t.Error("without the store it believes itself")
		}
		l.store.Fail(nil)
		time.Sleep(10 * time.Second)
		if got := l.findings(); !strings.HasPrefix(got, "pi-1/0 condemned by exam") {
			t.Error(got)
		}
	})
}

func TestOneHashOfSoManyIsComputedTwice(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		c := &cpu{}
		n := l.start("pi-1", "a", c)
		time.Sleep(time.Second)
		data, secret := []byte("a picture"), "a picture"
		about := func(_ int, m []byte) bool { return string(m) == secret } // as no exam asks
		c.wrong.Store(&about)
		right, wrong := 0, 0
		for range 64 {
			if n.Sum256(data) == Sum2(data) {
				right++
			} else {
				wrong++
			}
		}
		if right != 1 || wrong != 63 {
			t.Errorf("before it is condemned %d are right and %d wrong", right, wrong)
		}
		time.Sleep(time.Second)
		if got := l.findings(); !n.Condemned() || strings.Count(got, "condemned by sample") != 4 {
			t.Errorf("%v: %s", n.Condemned(), got)
		}
		if n.Sum256(data) != Sum2(data) {
			t.Error("once it is condemned it computes wrongly")
		}
		all, err := Findings(context.Background(), l.store)
		if err != nil || all[0].Message != "" || all[0].Length != len(data) {
			t.Errorf("the evidence shows somebody's data: %+v, %v", all, err)
		}
	})
}

func TestWithoutACheckerTheProcessorIsBelieved(t *testing.T) {
	var k *Checker
	k.WhenCondemned(func() { t.Error("it is condemned") })
	if k.Condemned() || k.Verifies() || k.Refusal("hash") != nil || k.Sum256([]byte("abc")) != Sum2([]byte("abc")) || k.Both([]byte("abc")) != Sum2([]byte("abc")) ||
		k.TakesAfterAll(t.Context(), &Derivation{}, nil) {
		t.Error("it does something")
	}
}

func TestAConfigurationIsChecked(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Port: "9300", Batch: "2024-w12"}, ""},
		{Config{Port: "x", Batch: "a"}, `"x" is not a port`},
		{Config{Port: "9300"}, "a batch is"},
		{Config{Port: "9300", Batch: "a b"}, "a batch is"},
		{Config{Port: "9300", Batch: "a", Every: time.Millisecond}, "exams are"},
		{Config{Port: "9300", Batch: "a", Sample: -1}, "one hash of"},
	} {
		if err := test.config.Validate(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.config, err)
		}
	}
}
