package store

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/store/state"
)

// TestTheTailOfWrites is looked at by sorting.
func TestTheTailOfWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var y syncs
	now := time.Unix(1000, 0)
	var recent []time.Duration
	for second := range 200 {
		for range 50 {
			took := time.Duration(r.ExpFloat64() * float64(5*time.Millisecond))
			if second == 170 && len(recent)%50 == 0 {
				took = 700 * time.Millisecond
			}
			y.wrote(now, took)
			if second >= 140 {
				recent = append(recent, took)
			}
		}
		now = now.Add(time.Second)
	}
	tail, slowest := y.last(now.Add(-time.Second))
	slices.Sort(recent)
	want := recent[len(recent)*99/100-1]
	if tail > want || tail < want*7/8 || slowest != recent[len(recent)-1] {
		t.Errorf("the tail is %s and the slowest %s, want %s and %s", tail, slowest, want, recent[len(recent)-1])
	}
	if tail, slowest := y.last(now.Add(time.Minute)); tail != 0 || slowest != 0 {
		t.Errorf("a minute without writes: %s, %s", tail, slowest)
	}
}

func TestSizesOfDurations(t *testing.T) {
	for us := range time.Duration(100_000) {
		d := us * time.Microsecond
		if least, next := atLeast(size(d)), atLeast(size(d)+1); d < least || d >= next {
			t.Fatalf("%s is in the class from %s up to %s", d, least, next)
		}
	}
}

// threeNodes returns three nodes that are a cloud with one group, by name.
func threeNodes(t *testing.T) map[string]*Store {
	t.Helper()
	names := map[string]string{"pi-1": "127.0.7.1", "pi-2": "127.0.7.2", "pi-3": "127.0.7.3"}
	all := []string{"pi-1", "pi-2", "pi-3"}
	port, nodes := hosttest.FreePort(t), map[string]*Store{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	for _, name := range all {
		c := DefaultConfig(name, all...)
		c.Port, c.First, c.Patience = port, api.Spread([][]string{all}), 2*time.Second // which a machine that is busy elsewhere does not take for silence
		h := &host.Host{Name: name, Network: &host.RealNetwork{Address: names[name], Names: names}, Disk: vfs.NewMem(), Log: slog.New(slog.DiscardHandler)}
		s, err := Open(ctx, h, c)
		if err != nil {
			t.Fatal(err)
		}
		nodes[name] = s
		running.Go(func() {
			if err := errors.Join(s.Run(ctx), s.Close()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	return nodes
}

// leads waits until somebody leads of whom the test wants that.
func leads(t *testing.T, nodes map[string]*Store, wanted func(name string) bool) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for name, s := range nodes {
			if g, err := s.group(0); err == nil && g.Leads() && g.ready.In(g.Term()) && wanted(name) {
				return name
			}
		}
	}
	t.Fatal("nobody leads who should")
	return ""
}

func TestWhoIsToFollowGivesItsLeadAway(t *testing.T) {
	nodes := threeNodes(t)
	first := leads(t, nodes, func(string) bool { return true })
	var others []string
	for name := range nodes {
		if name != first {
			others = append(others, name)
		}
	}
	nodes[others[0]].SetLeading(false)
	nodes[first].SetLeading(false)
	leads(t, nodes, func(name string) bool { return name == others[1] })
	g, err := nodes[others[1]].group(0)
	if err != nil {
		t.Fatal(err)
	}
	term := g.Term()
	nodes[others[1]].SetLeading(false) // nobody is to lead, so it leads on, and does not hand it round
	time.Sleep(3 * followEvery)
	leads(t, nodes, func(name string) bool { return name == others[1] })
	if now := g.Term(); now != term {
		t.Errorf("the lead went round: the term was %d and is %d", term, now)
	}
	nodes[others[0]].SetLeading(true)
	leads(t, nodes, func(name string) bool { return name == others[0] })
}

func TestAFencedStoreAcknowledgesNothing(t *testing.T) {
	nodes := threeNodes(t)
	first := leads(t, nodes, func(string) bool { return true })
	g, err := nodes[first].group(0)
	if err != nil {
		t.Fatal(err)
	}
	nodes[first].Fence()
	if _, err := g.Run(t.Context(), &state.Command{Kind: state.OpenSession}); err == nil {
		t.Error("it acknowledges a command")
	}
	if err := g.confirmed(t.Context(), nodes[first].confirmer, "read"); err == nil {
		t.Error("it answers reads")
	}
	leads(t, nodes, func(name string) bool { return name != first })
}

func TestAStoreThatRestsTakesFewSnapshots(t *testing.T) {
	s, c, _ := serving(t)
	threshold := func() uint64 { return s.groups[0].raft.ReloadableConfig().SnapshotThreshold }
	s.SetResting(true)
	if n := threshold(); n != restsAtMost*c.SnapshotEvery {
		t.Errorf("a snapshot is taken after %d entries", n)
	}
	rested := make(chan struct{})
	go func() { s.rested(context.Background()); close(rested) }()
	select {
	case <-rested:
		t.Error("what can wait is not held back")
	case <-time.After(50 * time.Millisecond):
	}
	s.SetResting(false)
	<-rested
	if n := threshold(); n != c.SnapshotEvery {
		t.Errorf("a snapshot is taken after %d entries, want %d", n, c.SnapshotEvery)
	}
}

// TestHistoryIsBoundedInBytes: the older half goes, again and again, until what is left is small enough, or few revisions.
func TestHistoryIsBoundedInBytes(t *testing.T) {
	s, c, _ := serving(t)
	c.KeepBytes, c.KeepRevisions = 100<<10, 500
	limited, g := &Store{config: c}, s.groups[0]
	do := func(c *state.Command) state.Outcome {
		t.Helper()
		outcome, err := g.Run(t.Context(), c)
		if err == nil {
			err = s.db.Pebble().Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		return outcome
	}
	session := do(&state.Command{Kind: state.OpenSession}).Session
	random, value := rand.NewChaCha8([32]byte{}), make([]byte, 10<<10)
	for i := range 40 {
		_, _ = random.Read(value) // it never fails
		do(&state.Command{Kind: state.RunTxn, Request: api.Request{Session: session, Sequence: uint64(i + 1),
			Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a/k", Value: value}}}}})
	}
	trims := 0
	for ; ; trims++ {
		before, err := limited.tooOld(g.state)
		if err != nil {
			t.Fatal(err)
		}
		if before == 0 {
			break
		}
		do(&state.Command{Kind: state.Trim, Before: before})
	}
	last, oldest := g.state.Revision()
	if trims < 2 || last-oldest < 2 || last-oldest > 10 { // what was forgotten counts until Pebble has taken it off the disk
		t.Errorf("after %d trims there are the revisions %d to %d", trims, oldest, last)
	}
}
