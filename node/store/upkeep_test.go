package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"picloud/node/api"
	"picloud/node/store/state"
)

// tend has a group tended once, and again where the machine is too slow for the time that this has.
func tend(t *testing.T, s *Store, g *Group) {
	t.Helper()
	err := s.tend(t.Context(), g)
	for api.KindOf(err) == api.Unknown {
		err = s.tend(t.Context(), g)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAllThatIsOverIsRemovedAtOnce lets more records come to their end together than one command removes.
func TestAllThatIsOverIsRemovedAtOnce(t *testing.T) {
	s, _, _ := serving(t)
	g := s.groups[0]
	run := func(c *state.Command) state.Outcome {
		t.Helper()
		outcome, err := g.Run(t.Context(), c)
		if err != nil || outcome.Err != nil {
			t.Fatal(err, outcome.Err)
		}
		return outcome
	}
	session := run(&state.Command{Kind: state.OpenSession}).Session
	const records, each = 3000, 100
	for i := range records / each {
		q := api.Request{Session: session, Sequence: uint64(i + 1), Answered: uint64(i)}
		for k := range each {
			q.Txn.Then = append(q.Txn.Then, api.Op{Kind: api.Put, Key: fmt.Sprint("a/", i, "/", k), TTL: 60_000})
		}
		run(&state.Command{Kind: state.RunTxn, Request: q})
	}
	run(&state.Command{Kind: state.Tick, Elapsed: 70_000})
	tend(t, s, g)
	reply, err := g.state.Read(&api.Txn{Then: []api.Op{{Kind: api.Scan, Key: "a"}}})
	if err != nil || len(reply.Results[0].Records) > 0 {
		t.Errorf("%d records are left, %v", len(reply.Results[0].Records), err)
	}
}

// TestOneTickServesAllWhoCameBeforeIt writes ten records with a time to live at once, where a commit takes longer than the time is fresh.
func TestOneTickServesAllWhoCameBeforeIt(t *testing.T) {
	var slow atomic.Bool
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if slow.Load() && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo) {
			time.Sleep(freshClock * 3 / 2)
		}
		return nil
	}))
	s, err := openLone(t.Context(), disk, lone(t, "home", "pi-1"))
	if err != nil {
		t.Fatal(err)
	}
	runs(t, s)
	g := s.groups[0]
	const writers = 10
	var bodies [][]byte
	for i := range writers {
		session, err := g.Run(t.Context(), &state.Command{Kind: state.OpenSession})
		if err != nil {
			t.Fatal(err)
		}
		q := api.Request{Session: session.Session, Sequence: 1, Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: fmt.Sprint("a/", i), TTL: 60_000}}}}
		bodies = append(bodies, (&api.TxnCall{Request: request(t, q, true)}).Encode())
	}
	g.clock.turn <- struct{}{}
	g.clock.told = g.clock.told.Add(-freshClock)
	<-g.clock.turn
	slow.Store(true)
	defer slow.Store(false)
	before := g.raft.LastIndex()
	var all sync.WaitGroup
	for _, body := range bodies {
		all.Go(func() {
			if _, err := s.txn(t.Context(), body); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if ticks := g.raft.LastIndex() - before - writers; ticks > writers/2 { // of which some are upkeep's
		t.Errorf("the time was told %d times", ticks)
	}
}

// TestWhoHasNoTimeLeftDoesNotWaitForATick: another one tells the group the time, and that does not end.
func TestWhoHasNoTimeLeftDoesNotWaitForATick(t *testing.T) {
	shelf := newShelf(t, "pi-1")
	shelf.start("pi-1", "pi-1")
	shelf.run(&state.Command{Kind: state.OpenSession})
	g := shelf.nodes["pi-1"]
	g.clock.turn <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := g.tick(ctx, freshClock); api.KindOf(err) != api.Unavailable {
		t.Errorf("it is told: %v", err)
	}
}

// TestAGroupThatNothingWasWrittenToHasNoHistoryToCut: each cut would be one more entry in its log.
func TestAGroupThatNothingWasWrittenToHasNoHistoryToCut(t *testing.T) {
	shelf := newShelf(t, "pi-1")
	shelf.start("pi-1", "pi-1")
	shelf.run(&state.Command{Kind: state.Own, Slots: []api.SlotRange{{From: 0, End: api.Slots}}})
	g := shelf.nodes["pi-1"]
	s := &Store{config: Config{KeepRevisions: 100}}
	tend(t, s, g.Group) // which knows then since when it leads
	before := g.raft.LastIndex()
	tend(t, s, g.Group)
	if now := g.raft.LastIndex(); now != before {
		t.Errorf("it puts %d entries into its log", now-before)
	}
}
