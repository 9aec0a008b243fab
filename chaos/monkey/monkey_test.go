package monkey

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"picloud/chaos"
	"picloud/node/host/orders"
)

// broken is what is ordered of the sockets of a test, which break nothing.
type broken struct {
	mu     sync.Mutex
	stands map[string]bool // "SOCKET KIND FROM>TO"
	began  map[string]bool
}

func (b *broken) at(socket string) orders.Apply {
	return func(o orders.Order) (orders.Effect, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		what := fmt.Sprintf("%s %s %s>%s", socket, o.Kind, o.From, o.To)
		b.began[what] = true
		if o.Kind == string(chaos.DiskInodes) {
			return orders.Effect{}, errors.New("not here")
		}
		o.First()
		e := orders.Effect{Felt: func() int64 { return 1 }}
		if o.Left > 0 {
			b.stands[what] = true
			e.Heal = func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				delete(b.stands, what)
			}
		}
		return e, nil
	}
}

func (b *broken) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.stands)
}

func (b *broken) beginnings() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.began)
}

func topology() chaos.Topology {
	var top chaos.Topology
	for i := range 5 {
		top.Machines = append(top.Machines, chaos.Machine{Name: fmt.Sprint("pi-", i+1), Role: "node"})
	}
	top.Machines = append(top.Machines, chaos.Machine{Name: "client", Role: "client"})
	return top
}

// cluster is five members, with a client that has no layer.
func cluster(t *testing.T, schedule string) (*Config, *broken) {
	t.Helper()
	s, err := chaos.Parse("schedule", schedule)
	if err != nil {
		t.Fatal(err)
	}
	b := &broken{stands: map[string]bool{}, began: map[string]bool{}}
	folder, began := t.TempDir(), time.Now()
	serve := func(name string) string {
		socket := filepath.Join(folder, name)
		v, err := orders.Serve(socket, orders.New(b.at(name), orders.Lease))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		return socket
	}
	c := &Config{Schedule: s, Topology: topology(), MostOut: 2, Layers: map[string]string{}, Keeper: serve("keeper"),
		Abort: Abort{SharePPM: 500_000, For: time.Hour}, Now: func() time.Duration { return time.Since(began) }}
	for _, m := range c.Topology.Machines[:5] {
		c.Members, c.Kept = append(c.Members, m.Name), append(c.Kept, m.Name)
		c.Layers[m.Name] = serve(m.Name)
	}
	return c, b
}

func TestAScheduleIsPlayed(t *testing.T) {
	c, b := cluster(t, `
		0.01s +0.05s kill machine=pi-1
		0.02s +0.1s  disk-full machine=pi-2
		0.03s +0.05s partition-oneway link=pi-3>pi-4
		0.04s +0s    reset link=pi-3>client
		0.05s +0.05s disk-inodes machine=pi-2`)
	c.MostOut = 4 // with two of five out, a way between two others leaves only the fifth a majority
	now := c.Now
	c.Now = func() time.Duration { // on a slow machine too, all stand at one time
		if b.beginnings() < 6 {
			return min(now(), 55*time.Millisecond)
		}
		return now()
	}
	var mu sync.Mutex
	var said []string
	c.Note = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.What == Begin || e.What == Refused {
			said = append(said, e.What+" "+string(e.Fault.Kind))
		}
	}
	r, err := Run(t.Context(), *c)
	if err != nil || r.Aborted != "" {
		t.Fatal(err, r.Aborted)
	}
	want := []string{"keeper kill pi-1>", "pi-2 disk-full pi-2>", "pi-2 disk-inodes pi-2>", "pi-3 net-cut pi-3>pi-4", "pi-3 reset pi-3>client", "pi-4 net-cut pi-3>pi-4"}
	if got := sortedKeys(b.began); !reflect.DeepEqual(got, want) {
		t.Errorf("these began: %q", got)
	}
	if b.count() > 0 {
		t.Errorf("these stand: %v", b.stands)
	}
	if !reflect.DeepEqual(r.Felt, []int64{1, 1, 2, 1, 0}) || len(r.Schedule) != 5 {
		t.Errorf("felt is %v of\n%s", r.Felt, r.Schedule)
	}
	if want := []string{"begin kill", "begin disk-full", "begin partition-oneway", "begin reset", "begin disk-inodes", "refused disk-inodes"}; !slices.Equal(said, want) {
		t.Errorf("it said %q", said)
	}
}

func TestAScheduleIsPlayedLaterIfItsTimeHasGoneBy(t *testing.T) {
	c, _ := cluster(t, "1s +0.01s pause machine=pi-1\n1.02s +0.01s pause machine=pi-2\n")
	began := time.Now().Add(-time.Hour)
	c.Now = func() time.Duration { return time.Since(began) }
	r, err := Run(t.Context(), *c)
	if err != nil || len(r.Schedule) != 2 {
		t.Fatal(r, err)
	}
	if f := r.Schedule; f[0].At < time.Hour || f[1].At-f[0].At != 20*time.Millisecond {
		t.Errorf("played was\n%s", f)
	}
}

func TestNothingIsBrokenInAClusterThatIsNotWell(t *testing.T) {
	c, b := cluster(t, "0s +1s kill machine=pi-1\n")
	c.Steady = []Probe{
		{"one", func(context.Context) error { return nil }},
		{"two", func(context.Context) error { return errors.New("it is ill") }},
	}
	if _, err := Run(t.Context(), *c); !errors.Is(err, ErrNotSteady) || !strings.Contains(err.Error(), "two: it is ill") {
		t.Error(err)
	}
	if len(b.began) > 0 {
		t.Errorf("these began: %v", b.began)
	}
}

// TestARunThatIsGivenUpHeals: by probes, by members that do not answer, by who interrupts it.
func TestARunThatIsGivenUpHeals(t *testing.T) {
	const schedule = "0s +90000s kill machine=pi-1\n0s +90000s disk-stall machine=pi-2\n99000s +1s kill machine=pi-3\n"
	fails := func(b *broken) func(context.Context) error {
		return func(context.Context) error {
			if b.count() == 2 {
				return errors.New("it fails")
			}
			return nil
		}
	}
	for name, spoil := range map[string]func(c *Config, b *broken, interrupt func()){
		"probes fail": func(c *Config, b *broken, _ func()) { c.Probes = []Probe{{"a probe", fails(b)}} },
		"members do not answer": func(c *Config, b *broken, _ func()) {
			well := Probe{"well", func(context.Context) error { return nil }}
			c.Alive = []Probe{{"one", fails(b)}, {"two", fails(b)}, well}
		},
		"interrupted": func(c *Config, b *broken, interrupt func()) {
			go func() {
				for b.count() < 2 {
					time.Sleep(time.Millisecond)
				}
				interrupt()
			}()
		},
	} {
		c, b := cluster(t, schedule)
		ctx, interrupt := context.WithCancel(t.Context())
		c.Abort.For = time.Nanosecond
		spoil(c, b, interrupt)
		r, err := Run(ctx, *c)
		interrupt()
		if (err != nil) != (name == "interrupted") || !strings.Contains(r.Aborted, name) {
			t.Errorf("%s: %v, %q", name, err, r.Aborted)
		}
		if b.count() > 0 {
			t.Errorf("%s: these stand: %v", name, b.stands)
		}
		if len(r.Schedule) != 2 || r.Schedule[0].For <= 0 || r.Schedule[0].For > time.Hour {
			t.Errorf("%s: played was\n%s", name, r.Schedule)
		}
	}
}

func TestWhatCannotBePlayedIsRefusedByName(t *testing.T) {
	for schedule, want := range map[string]string{
		"1s +0s clock-step machine=pi-1\n":    "clock-step cannot be played: a process reads the kernel's clock itself",
		"1s +1s switch-dark switch=shelf-1\n": "switch-dark cannot be played",
		"1s +1s kill machine=leader:0\n":      "nobody asks live nodes who that is when it is due: name a machine in place of leader:0",
		"1s +1s kill machine=pi-9\n":          `unknown machine "pi-9"`,
		"1s +1s kill machine=client\n":        "client is no process that is kept here",
		"1s +1s disk-full machine=client\n":   "there is no layer over the disk of client",
		"1s +1s pause machine=pi-1\n1s +1s kill machine=pi-2\n1.5s +1s disk-gone machine=pi-3\n": "pi-1 and pi-2 and pi-3 would be out at one time, and at most 2 of 5 may be",
	} {
		c, b := cluster(t, schedule)
		if _, err := Run(t.Context(), *c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", schedule, err)
		}
		if len(b.began) > 0 {
			t.Errorf("%s: these began: %v", schedule, b.began)
		}
	}
}

// TestAllThatIsSaidToBeLiveHasSteps: each kind that can be played is an order to some socket.
func TestAllThatIsSaidToBeLiveHasSteps(t *testing.T) {
	targets := map[chaos.TargetType]string{
		chaos.OnMachine: "pi-1", chaos.OnMachines: "pi-1,pi-2,pi-3,pi-4,pi-5", chaos.OnLink: "pi-1>pi-2", chaos.OnSides: "pi-1|pi-2,pi-3", chaos.OnSwitch: "shelf-1",
	}
	for _, l := range chaos.OnLive() {
		spec, _ := chaos.Lookup(l.Kind)
		length := "1s"
		if spec.Instant() {
			length = "0s"
		}
		target := targets[spec.Target]
		if l.Kind == chaos.DiskSwap || l.Kind == chaos.DiskClone {
			target = "pi-1,pi-2"
		}
		c, _ := cluster(t, fmt.Sprintf("1s +%s %s %s=%s\n", length, l.Kind, spec.Target, target))
		why := c.refuse(&c.Schedule[0])
		if (why == "") != l.Can {
			t.Errorf("%s: %q", l.Kind, why)
		}
		if l.Can && len(c.steps(&c.Schedule[0])) == 0 {
			t.Errorf("%s is no order", l.Kind)
		}
	}
}

func TestThePartitionsAreThoseOfTheSimulatedNetwork(t *testing.T) {
	for line, want := range map[string]string{
		"partition-one machine=pi-1":                           "pi-1>client pi-1>pi-2 pi-1>pi-3 pi-1>pi-4 pi-1>pi-5 client>pi-1 pi-2>pi-1 pi-3>pi-1 pi-4>pi-1 pi-5>pi-1",
		"partition-oneway link=pi-2>pi-1":                      "pi-2>pi-1",
		"partition-majority sides=pi-1|pi-2,pi-3":              "pi-1>pi-2 pi-1>pi-3 pi-2>pi-1 pi-3>pi-1",
		"partition-bridge machines=pi-1,pi-2,pi-3":             "pi-2>pi-3 pi-3>pi-2",
		"partition-ring machines=pi-1,pi-2,pi-3,pi-4,pi-5":     "pi-1>pi-3 pi-1>pi-4 pi-2>pi-4 pi-2>pi-5 pi-3>pi-1 pi-3>pi-5 pi-4>pi-1 pi-4>pi-2 pi-5>pi-2 pi-5>pi-3",
		"partition-minority machines=pi-1,pi-2,pi-3,pi-4,pi-5": "client>pi-1 client>pi-2 client>pi-3 client>pi-4 client>pi-5 pi-1>client pi-2>client pi-3>client pi-4>client pi-5>client",
	} {
		c, _ := cluster(t, "1s +1s "+line+"\n")
		var got []string
		for _, way := range c.Topology.Ways(&c.Schedule[0]) {
			got = append(got, way[0]+">"+way[1])
		}
		slices.Sort(got)
		wanted := strings.Fields(want)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: %q", line, got)
		}
	}
}

func TestMachinesAreCloggedAndReleasedOneByOne(t *testing.T) {
	c, _ := cluster(t, "10s +6s swizzle-clog machines=pi-1,pi-2,pi-3\n")
	times := map[string][2]time.Duration{}
	for _, s := range c.steps(&c.Schedule[0]) {
		if s.order.To == "client" {
			times[s.order.From] = [2]time.Duration{s.from, s.to}
		}
	}
	want := map[string][2]time.Duration{"pi-1": {10 * time.Second, 16 * time.Second}, "pi-2": {11 * time.Second, 14 * time.Second}, "pi-3": {12 * time.Second, 15 * time.Second}}
	if !reflect.DeepEqual(times, want) {
		t.Errorf("%v", times)
	}
}

// TestWhatHappensAtAnInstantIsOrderedThoughNothingComesAfterIt: its socket is busy until after the last fault has begun.
func TestWhatHappensAtAnInstantIsOrderedThoughNothingComesAfterIt(t *testing.T) {
	c, b := cluster(t, "0.01s +0.02s disk-full machine=pi-1\n0.1s +0s reset link=pi-1>client\n")
	socket, last := filepath.Join(t.TempDir(), "pi-1"), make(chan struct{})
	apply := b.at("pi-1")
	var busy atomic.Bool
	v, err := orders.Serve(socket, orders.New(func(o orders.Order) (orders.Effect, error) {
		if o.Kind == string(chaos.DiskFull) {
			busy.Store(true)
			<-last
			time.Sleep(50 * time.Millisecond)
		}
		return apply(o)
	}, orders.Lease))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	c.Layers["pi-1"] = socket
	now := c.Now
	c.Now = func() time.Duration { // on a slow machine too, no time goes by before it was ordered
		switch {
		case !busy.Load():
			return min(now(), 20*time.Millisecond)
		case b.beginnings() < 2:
			return min(now(), 300*time.Millisecond)
		}
		return now()
	}
	c.Note = func(e Event) {
		if e.What == Begin && e.Fault.Kind == chaos.Reset {
			close(last)
		}
	}
	r, err := Run(t.Context(), *c)
	if err != nil || len(r.Felt) != 2 || r.Felt[1] != 1 {
		t.Errorf("felt is %v of\n%s%v", r.Felt, r.Schedule, err)
	}
}

// TestWhatSpoilsANumberOfCallsSpoilsNoMoreInTheNextLife of a process that ended of it before anybody had asked.
func TestWhatSpoilsANumberOfCallsSpoilsNoMoreInTheNextLife(t *testing.T) {
	for count, want := range map[int64][]int64{1: nil, 3: {2}} {
		socket := filepath.Join(t.TempDir(), "pi-1")
		var mu sync.Mutex
		var began []int64 // the counts with which it did
		live := func() *orders.Server {
			v, err := orders.Serve(socket, orders.New(func(o orders.Order) (orders.Effect, error) {
				mu.Lock()
				defer mu.Unlock()
				began = append(began, o.Params["count"])
				o.First()
				return orders.Effect{Heal: func() {}, Felt: func() int64 { return 1 }}, nil
			}, orders.Lease))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		h := newHand(socket, func() time.Duration { return time.Second })
		h.add(step{socket, orders.Order{Name: "one", Kind: string(chaos.DiskFsyncFail), Params: map[string]int64{"count": count}}, 0, time.Minute})
		first := live()
		if _, err := orders.To(socket).Set(t.Context(), h.standing()); err != nil { // and it ends before it answers
			t.Fatal(err)
		}
		first.Close()
		second := live()
		t.Cleanup(func() { second.Close() })
		for range 2 {
			if _, err := h.say(h.standing()); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(began, append([]int64{count}, want...)) {
			t.Errorf("of %d it began with %v in its lives", count, began)
		}
		if h.steps[0].order.Params["count"] != count {
			t.Error("the order itself was changed")
		}
	}
}

func TestARunThatAsksWhoLivesNeedsARuleForGivingUp(t *testing.T) {
	for _, c := range []Config{{Probes: []Probe{{Name: "a write"}}}, {Alive: []Probe{{Name: "pi-1"}}}} {
		c.Now = func() time.Duration { return 0 }
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "the rule for giving up is 0 ppm for 0s") {
			t.Error(err)
		}
	}
}

// TestProbesThatFailOnceAreNotTakenForLong: one round in which all probes wait for an answer, and a member for ever, is no reason to give up.
func TestProbesThatFailOnceAreNotTakenForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		hangs := func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		well := func(context.Context) error { return nil }
		var tries int
		r := newRun(&Config{
			Probes: []Probe{{"a write", func(ctx context.Context) error {
				if tries++; tries == 1 {
					return hangs(ctx)
				}
				return nil
			}}},
			Alive: []Probe{{"pi-1", hangs}, {"pi-2", well}, {"pi-3", well}},
			Abort: Abort{SharePPM: 500_000, For: 10 * time.Second},
			Now:   func() time.Duration { return time.Since(began) },
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if why := r.watch(ctx); why != "" {
			t.Errorf("it was given up at %v: %s", time.Since(began), why)
		}
	})
}
