package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/owned"
	"picloud/node/store/storetest"
)

// lab is machines with engines on one store in memory, on the time of synctest.
type lab struct {
	t     testing.TB
	store *storetest.Store
	log   *slog.Logger
	ctx   context.Context

	mu       sync.Mutex
	machines map[string]*machine
	group    Group    // the one that all are members of
	unknown  error    // why the group does not say how it stands
	passing  int      // after so many transactions of who has the budget
	losing   int      // so many are to be lost
	answers  bool     // once they have taken effect
	deeds    []string // what was done, in order: "12s pi-1 opens pi-3"
	began    time.Time
	said     *lines
	tick     *time.Ticker                                       // of the store's clock
	judge    func(m *machine, what string)                      // is told of deeds, while the lab is locked
	looks    func(m *machine)                                   // is told that a board is about to be read
	changes  func(call api.MembersCall) (after bool, err error) // says whether a change of members fails, or only its answer
	running  sync.WaitGroup
	cancel   func()
}

// machine is one of them: its board, what its engine does to its node, and its way to the others.
type machine struct {
	*lab
	name    string
	engine  *Engine
	gate    gate
	disk    vfs.FS
	relays  []string // the neighbours that its board can cut off
	reading hw.Reading
	syncs   Syncs

	hangs, isolated, stuck bool // stuck: the relay that feeds it does not move
	open                   bool // the relay that feeds it is
	opener                 *machine
	stays                  bool // it hangs even after its power was cut
	runsOn                 bool // its board does not turn off
	saysNothing            bool // of that
	draining, halted       bool
	fenced                 string
	lost                   time.Time // since when it hangs or stands still; zero if it does not
	follows                bool
	weight, share          int
}

// gate stops the goroutines that come to it while it is shut.
type gate struct {
	mu   sync.Mutex
	shut chan struct{}
	over bool // it is not shut again
}

func (g *gate) pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil && !g.over {
		g.shut = make(chan struct{})
	}
}

func (g *gate) goOn() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (g *gate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// lines keeps what is logged.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.String(), text)
}

// newLab returns a lab with machines pi-1 to pi-n, all of them members of one group that pi-1 leads.
func newLab(t testing.TB, n int) *lab {
	ctx, cancel := context.WithCancel(context.Background())
	l := &lab{t: t, store: storetest.New(t), ctx: ctx, cancel: cancel, judge: func(*machine, string) {}, looks: func(*machine) {}, changes: func(api.MembersCall) (bool, error) { return false, nil }, machines: map[string]*machine{}, began: time.Now(), said: &lines{}, tick: time.NewTicker(500 * time.Millisecond),
		group: Group{Leader: "pi-1", Applied: map[string]uint64{}}}
	l.log = slog.New(slog.NewTextHandler(l.said, nil))
	for i := range n {
		name := fmt.Sprintf("pi-%d", i+1)
		m := &machine{lab: l, name: name, disk: vfs.NewMem(), reading: quiet(), weight: Full, share: Full}
		m.reading.Card.Serial = hw.Known("card of " + name)
		l.machines[name] = m
		l.group.Voters = append(l.group.Voters, name)
		l.group.Applied[name] = 5000
	}
	l.running.Go(func() {
		for last := time.Now(); ctx.Err() == nil; {
			select {
			case now := <-l.tick.C:
				l.store.Tick(now.Sub(last))
				last = now
			case <-ctx.Done():
			}
		}
	})
	return l
}

// end ends all engines.
func (l *lab) end() {
	l.cancel()
	l.tick.Stop()
	for _, m := range l.machines {
		m.gate.mu.Lock()
		m.gate.over = true
		m.gate.mu.Unlock()
		m.gate.goOn()
	}
	l.running.Wait()
}

// run starts the engine of a machine.
func (l *lab) run(name string, change func(*Config, *Kit)) *machine {
	l.t.Helper()
	m := l.machines[name]
	c := DefaultConfig()
	for _, other := range l.group.Voters {
		if other != name {
			c.Neighbours = append(c.Neighbours, other)
		}
	}
	k := Kit{Owner: owned.Owner{Cloud: "home", Node: name}, Store: gated{m}, Disk: m.disk, Board: board{m}, Last: m.last, Self: self{m},
		Groups: m.groups, Members: m.members, Reach: m.reach, DiskTotal: func() (int64, error) { return 32 << 30, nil }, Log: l.log.With("node", name)}
	change(&c, &k)
	var err error
	if m.engine, err = New(c, k, prometheus.NewRegistry()); err != nil {
		l.t.Fatal(err)
	}
	l.running.Go(func() { m.engine.Run(l.ctx) })
	return m
}

// runAll starts all engines; pi-1 drives the relays of all others, and pi-2 is their backup.
func (l *lab) runAll(change func(*Config, *Kit)) {
	for _, name := range slices.Sorted(maps.Keys(l.machines)) {
		l.run(name, func(c *Config, k *Kit) {
			if m := l.machines[name]; name == "pi-1" || name == "pi-2" {
				m.relays = slices.DeleteFunc(slices.Clone(l.group.Voters), func(n string) bool { return n == name })
				k.Backup = nil
				if name == "pi-2" {
					k.Backup = m.relays
				}
			}
			change(c, k)
		})
		time.Sleep(time.Millisecond) // so that pi-1 has its relays before anybody else wants them
	}
}

func unchanged(*Config, *Kit) {}

// did notes what was done.
func (m *machine) did(what string) {
	m.judge(m, what)
	m.deeds = append(m.deeds, fmt.Sprintf("%s %s %s", time.Since(m.began).Round(time.Second), m.name, what))
}

// done returns what was done that has a word in it.
func (l *lab) done(word string) (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.deeds {
		if strings.Contains(d, word) {
			all = append(all, d)
		}
	}
	return all
}

// set changes the world.
func (l *lab) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// readsUntil has what a machine reads of its board stay what it was since a time, which is zero as long as its bus does not hang.
func (l *lab) readsUntil(k *Kit, hangs *time.Time) {
	last := k.Last
	k.Last = func() (hw.Reading, time.Time) {
		r, at := last()
		l.mu.Lock()
		defer l.mu.Unlock()
		if !hangs.IsZero() {
			at = *hangs
		}
		return r, at
	}
}

// hang has a machine hang: its engine stands still, and nobody reaches it.
func (m *machine) hang() {
	m.gate.pause()
	m.set(func() { m.hangs, m.lost = true, time.Now() })
}

func (m *machine) revive() {
	m.set(func() { m.hangs, m.lost = false, time.Time{} })
	m.gate.goOn()
}

func (m *machine) heat(milli int64) {
	m.set(func() { m.reading.Temperature = hw.Known(celsius(milli)) })
}

// last is the machine's sampler, which reads every second.
func (m *machine) last() (hw.Reading, time.Time) {
	m.gate.pass()
	return m.read(), time.Now()
}

func (m *machine) read() hw.Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.reading
	r.Neighbours = map[string]hw.Power{}
	for _, n := range m.relays {
		p := hw.Power{Voltage: hw.Known(5 * physic.Volt), Current: hw.Known(600 * physic.MilliAmpere)}
		if v := m.machines[n]; v.open && !v.stuck {
			p = hw.Power{Voltage: hw.Known(0 * physic.Volt), Current: hw.Known(0 * physic.Ampere)}
		}
		if known, is := m.reading.Neighbours[n]; is {
			p = known
		}
		r.Neighbours[n] = p
	}
	return r
}

// up tells whether a machine runs.
func (m *machine) up() bool { return !m.hangs && !m.halted && m.fenced == "" && (!m.open || m.stuck) }

func (m *machine) reach(ctx context.Context, node string) error {
	m.gate.pass()
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.machines[node]; m.isolated || v.isolated || !v.up() {
		return errors.New("it does not answer")
	}
	return nil
}

func (m *machine) groups(context.Context) ([]Group, error) {
	m.gate.pass()
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.group
	g.Applied = maps.Clone(g.Applied)
	return []Group{g}, m.unknown
}

// members changes the group's members, as its leader does.
func (m *machine) members(_ context.Context, call api.MembersCall) (*api.Membership, error) {
	m.gate.pass()
	m.mu.Lock()
	defer m.mu.Unlock()
	after, err := m.changes(call)
	if err != nil && !after {
		return nil, err
	}
	g := &m.group
	if call.Add != "" {
		g.Voters = slices.Sorted(slices.Values(append(slices.Clone(g.Voters), call.Add)))
		g.Applied[call.Add] = g.Applied[g.Leader]
		m.did("adds " + call.Add)
	}
	if call.Remove != "" {
		g.Voters = slices.DeleteFunc(slices.Clone(g.Voters), func(n string) bool { return n == call.Remove })
		m.did("removes " + call.Remove)
	}
	return &api.Membership{Leader: g.Leader, Voters: g.Voters}, err
}

// gated is the store as a machine reaches it.
type gated struct{ m *machine }

func (g gated) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	g.m.gate.pass()
	g.m.mu.Lock()
	isolated := g.m.isolated
	g.m.mu.Unlock()
	if isolated {
		return nil, api.Errorf(api.Unavailable, "run a transaction", "", "the store is not reached")
	}
	reply, err := g.m.store.Txn(context.WithoutCancel(ctx), t)
	g.m.gate.pass()
	return reply, err
}

func (g gated) ReadStale(ctx context.Context, t *api.Txn) (*api.StaleReply, error) {
	return g.m.store.ReadStale(ctx, t)
}

func (g gated) Events(ctx context.Context, w *api.Watch) (*api.Events, error) {
	return g.m.store.Events(ctx, w)
}

// board is a machine's hw.Board.
type board struct{ m *machine }

func (b board) Info() hw.Info {
	info := hw.Info{Model: "of a test", Cores: 4, MaxClock: 1800 * physic.MegaHertz, Relays: b.m.relays, Has: map[hw.Capability]error{}}
	for _, c := range hw.Capabilities() {
		info.Has[c] = nil
	}
	delete(info.Has, hw.ReadFan)
	return info
}

func (b board) Read() hw.Reading {
	b.m.looks(b.m)
	b.m.gate.pass()
	return b.m.read()
}

func (b board) SetFan(d hw.Duty) error {
	b.m.set(func() { b.m.did(fmt.Sprint("fan ", int(d))) })
	return nil
}

func (b board) LimitClock(f physic.Frequency) error {
	b.m.set(func() { b.m.did("clock " + f.String()) })
	return nil
}

// SetRelay moves the relay of a neighbour, which begins anew when its power comes back.
func (b board) SetRelay(feeds string, closed bool) error {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	b.m.setRelay(b.m.machines[feeds], closed)
	return nil
}

func (m *machine) setRelay(v *machine, closed bool) {
	if v.open == !closed {
		return
	}
	if !closed {
		m.did("opens " + v.name)
		v.open, v.opener = true, m
		for _, n := range m.group.Voters { // relays are closed at rest
			if o := m.machines[n]; o.open && o.opener == v && !v.stuck {
				v.setRelay(o, true)
			}
		}
		return
	}
	v.open = false
	m.did("closes " + v.name)
	if v.stays || v.stuck {
		return
	}
	v.gate.goOn() // a new process; what the old one was about to do is found out of date
	v.hangs, v.lost = false, time.Time{}
}

func (b board) SetCore(int, bool) error { return nil }
func (b board) StartWatchdog(time.Duration) (hw.Watchdog, error) {
	return nil, &hw.Error{Kind: hw.Absent, Doing: "start", What: "the watchdog", Err: errors.New("a test has none")}
}
func (b board) Halt() error {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if b.m.runsOn && b.m.saysNothing {
		return nil
	}
	if b.m.runsOn {
		return errors.New("it does not turn off")
	}
	b.m.halted = true
	b.m.did("halts")
	b.m.gate.pause() // its process is no more
	return nil
}
func (b board) Close() error { return nil }

// self is a machine's Self.
type self struct{ m *machine }

func (s self) SetWork(weight, share int) {
	s.m.set(func() { s.m.weight, s.m.share = weight, share; s.m.did(fmt.Sprintf("takes %d, %d", weight, share)) })
}

func (s self) SetDraining(on bool) {
	s.m.set(func() {
		if s.m.draining != on {
			s.m.draining = on
			s.m.did(fmt.Sprint("drains ", on))
		}
	})
}

func (s self) SetLeading(lead bool) {
	s.m.set(func() {
		if s.m.follows == lead {
			s.m.did(fmt.Sprint("leads ", lead))
		}
		if s.m.follows = !lead; !lead && s.m.group.Leader == s.m.name {
			for _, n := range s.m.group.Voters {
				if s.m.machines[n].up() && !s.m.machines[n].follows && n != s.m.name && s.m.group.Applied[n] == s.m.group.Applied[s.m.name] {
					s.m.group.Leader = n
					return
				}
			}
		}
	})
}

func (s self) SetResting(on bool) { s.m.set(func() { s.m.did(fmt.Sprint("rests ", on)) }) }

func (s self) Fence(why string) {
	s.m.set(func() { s.m.fenced = why; s.m.did("fenced") })
	s.m.gate.pause() // its process is no more
}

func (s self) Syncs() (Syncs, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.syncs, nil
}

// journal returns the actions that stand in the store's journal, in order.
func (l *lab) journal() (all []string) {
	l.t.Helper()
	entries, err := Journal(context.Background(), l.store, 1000)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, e := range slices.Backward(entries) {
		what := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.Node, e.Action, e.Subject, e.To))
		if e.Dry {
			what += " (dry)"
		}
		all = append(all, what)
	}
	return all
}

// out returns who counts as out of service, and for what.
func (l *lab) out() map[string]Action {
	l.t.Helper()
	v, err := read(context.Background(), l.store, "pi-1")
	if err != nil {
		l.t.Fatal(err)
	}
	return v.out
}
