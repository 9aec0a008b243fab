package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/raftlog"
	"picloud/node/raftnet"
	"picloud/node/store/state"
	"picloud/node/wait"
)

// shelf is some nodes on loopback, each with an address and a disk in memory.
type shelf struct {
	t     *testing.T
	port  string
	addrs map[string]string
	disks map[string]*vfs.MemFS
	nodes map[string]*member
	log   *slog.Logger

	leaders chan raft.Observation // holds one when somebody has heard of another leader
}

// member is a node that runs.
type member struct {
	*Group
	db   *raftlog.DB
	port *raftnet.Net
}

func newShelf(t *testing.T, names ...string) *shelf {
	s := &shelf{t: t, port: hosttest.FreePort(t), addrs: map[string]string{}, disks: map[string]*vfs.MemFS{}, nodes: map[string]*member{}, log: slog.New(slog.DiscardHandler), leaders: make(chan raft.Observation, 1)}
	for i, name := range names {
		s.addrs[name] = fmt.Sprintf("127.0.2.%d", i+1)
		s.disks[name] = vfs.NewMem()
	}
	t.Cleanup(func() {
		for name := range s.nodes {
			s.stop(name)
		}
	})
	return s
}

func (s *shelf) start(name string, first ...string) {
	s.t.Helper()
	port, err := raftnet.Listen(&host.RealNetwork{Address: s.addrs[name], Names: s.addrs}, name, s.port)
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := raftlog.Open(s.disks[name], "store", raftlog.Config{Logger: quiet{}})
	if err != nil {
		s.t.Fatal(err)
	}
	c := GroupConfig{Number: 1, Node: name, First: first, Patience: 300 * time.Millisecond, SnapshotEvery: 20, TrailingLogs: 5, DigestEvery: 8,
		DiskLimit: time.Minute, Told: Told{SlowDisk: func(what string) { panic(what) }, Damaged: func(err error) { panic(err) },
			Wrote: func(time.Duration) {}, Yielded: func(error) {}}}
	g, err := OpenGroup(c, db, port, s.disks[name], "snapshots", s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	g.raft.RegisterObserver(raft.NewObserver(s.leaders, false, func(o *raft.Observation) bool {
		_, is := o.Data.(raft.LeaderObservation)
		return is
	}))
	s.nodes[name] = &member{g, db, port}
}

func (s *shelf) stop(name string) {
	m := s.nodes[name]
	delete(s.nodes, name)
	if err := errors.Join(m.port.Close(), m.Group.Close(), m.db.Close()); err != nil {
		s.t.Errorf("stop %s: %v", name, err)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to pass that %s", what)
		}
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// run puts a command through whatever node leads, and waits for one that does.
func (s *shelf) run(c *state.Command) state.Outcome {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	for {
		var last error
		for _, m := range s.nodes {
			outcome, err := m.Run(ctx, c)
			if err == nil {
				return outcome
			}
			last = err
		}
		select {
		case <-s.leaders: // somebody heard of another leader
		case <-ctx.Done():
			s.t.Fatalf("nobody runs the command: %v", last)
		}
	}
}

// agree waits until all nodes have applied the same entries: they must hold the same then.
func (s *shelf) agree() {
	s.t.Helper()
	late := time.After(time.Minute)
	for {
		var behind *member
		var most, least uint64
		digests := map[uint64]bool{}
		changed := map[*member]<-chan struct{}{}
		for _, m := range s.nodes {
			changed[m] = m.state.Changed()
			index, digest := m.state.Digest()
			digests[digest] = true
			if behind == nil || index < least {
				behind, least = m, index
			}
			most = max(most, index)
		}
		if least == most {
			if len(digests) > 1 {
				s.t.Errorf("after entry %d there are %d different states", most, len(digests))
			}
			return
		}
		select {
		case <-changed[behind]:
		case <-late:
			s.t.Fatalf("a node stays at entry %d, another is at %d", least, most)
		}
	}
}

// TestAGroupGoesOnWithAMajority writes while one node after the other is away for longer than the log
// reaches back, so that it comes back by a snapshot.
func TestAGroupGoesOnWithAMajority(t *testing.T) {
	names := []string{"pi-1", "pi-2", "pi-3"}
	s := newShelf(t, names...)
	for _, name := range names {
		s.start(name, names...)
	}
	session := s.run(&state.Command{Kind: state.OpenSession}).Session
	sequence := uint64(0)
	write := func(n int) {
		for range n {
			sequence++
			outcome := s.run(&state.Command{Kind: state.RunTxn, Request: api.Request{Session: session, Sequence: sequence, Answered: sequence - 1,
				Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: fmt.Sprint("a/", sequence%50), Value: fmt.Append(nil, sequence)}}}}})
			if outcome.Err != nil && outcome.Err.Kind != api.Replayed {
				t.Fatal(outcome.Err)
			}
		}
	}
	write(10)
	s.agree()
	for _, away := range names {
		left, _ := s.nodes[away].state.Applied()
		s.stop(away)
		write(60)
		for _, m := range s.nodes { // the log no longer reaches back to where the node was
			if err := m.raft.Snapshot().Error(); err != nil {
				t.Fatal(err)
			}
		}
		s.start(away)
		write(5)
		s.agree()
		meta, err := (&snapshots{state: s.nodes[away].state}).last()
		if err != nil || meta == nil || meta.Index <= left {
			t.Errorf("%s left at entry %d and came back without a snapshot: %+v, %v", away, left, meta, err)
		}
	}
	reply, err := s.nodes["pi-2"].state.Read(&api.Txn{Then: []api.Op{{Kind: api.Scan, Key: "a"}}})
	if err != nil || len(reply.Results[0].Records) != 50 || reply.Revision != sequence {
		t.Errorf("revision %d after %d writes, %d records, %v", reply.Revision, sequence, len(reply.Results[0].Records), err)
	}
}

// A node that was away comes back knowing only members of whom one is left, and is needed to elect the one who came
// in the meantime.
func TestWhoWasAwayVotesForAMemberItHasNotHeardOf(t *testing.T) {
	s := newShelf(t, "a", "b", "c", "new")
	for _, name := range []string{"a", "b", "c"} {
		s.start(name, "a", "b", "c")
	}
	s.run(&state.Command{Kind: state.OpenSession})
	s.stop("c")
	s.start("new")
	s.run(&state.Command{Kind: state.OpenSession})
	first, other := "a", "b"
	if s.nodes[other].Leads() {
		first, other = other, first
	}
	leader := s.nodes[first].raft
	for _, change := range []raft.Future{
		leader.AddVoter("new", s.nodes["new"].port.Address("new"), 0, 0),
		leader.RemoveServer(raft.ServerID(other), 0, 0),
	} {
		if err := change.Error(); err != nil {
			t.Fatal(err)
		}
	}
	s.stop(other)
	s.run(&state.Command{Kind: state.OpenSession})
	s.agree()
	s.stop(first)
	s.start("c", "a", "b", "c")
	s.run(&state.Command{Kind: state.OpenSession}) // with "c" and "new", two of three
	s.agree()
}

// TestOnlyALeaderThatIsConfirmedSaysWhatHasChanged: one that was deposed without having heard of it would say for ever that
// nothing has.
func TestOnlyALeaderThatIsConfirmedSaysWhatHasChanged(t *testing.T) {
	names := []string{"pi-1", "pi-2", "pi-3"}
	shelf := newShelf(t, names...)
	for _, name := range names {
		shelf.start(name, names...)
	}
	shelf.run(&state.Command{Kind: state.Own, Slots: []api.SlotRange{{From: 0, End: api.Slots}}})
	shelf.agree()
	for name, m := range shelf.nodes {
		terms := func(context.Context, string, []uint32) ([]uint64, error) { return []uint64{m.Term()}, nil }
		later := func(context.Context, string, []uint32) ([]uint64, error) { return []uint64{m.Term() + 1}, nil }
		silent := func(ctx context.Context, _ string, _ []uint32) ([]uint64, error) {
			return nil, errors.New("nothing comes")
		}
		for _, story := range []struct {
			name string
			ask  ask
			kind api.Kind
		}{{"the others know its term", terms, ""}, {"they know a later one", later, api.NotLeader}, {"they are silent", silent, api.Unavailable}} {
			if !m.Leads() {
				story.kind = api.NotLeader
			}
			s := &Store{config: Config{Node: name}, groups: map[uint32]*Group{1: m.Group}, confirmer: &confirmer{node: name, ask: story.ask, limit: time.Second}}
			call := api.FollowCall{Group: 1, Follow: api.Follow{Partitions: []string{"a"}, From: 1, Wait: time.Millisecond}}
			answer, err := s.follow(t.Context(), call.Encode())
			if api.KindOf(err) != story.kind || err == nil && len(answer) == 0 {
				t.Errorf("%s leads %t and %s: %v", name, m.Leads(), story.name, err)
			}
		}
	}
}

// TestAStateIsNoEntries: a member votes and leads by its entries, and its state may be ahead of those that it has, or knows to be agreed to.
func TestAStateIsNoEntries(t *testing.T) {
	s := newShelf(t, "pi-1", "pi-2")
	s.start("pi-1", "pi-1", "pi-2")
	s.start("pi-2")
	for range 30 {
		s.run(&state.Command{Kind: state.OpenSession})
	}
	s.agree()
	s.stop("pi-1")
	s.stop("pi-2")
	s.start("pi-1") // alone it hears of nothing that is agreed to
	g := s.nodes["pi-1"]
	index, _ := g.state.Applied()
	if raft := g.raft.AppliedIndex(); raft >= index || g.applied() > raft {
		t.Errorf("it has applied %d, with a state of %d and entries up to %d", g.applied(), index, raft)
	}
}

// TestMembersThatAreNotAgreedToAreNotTold asks while a change is under way: raft counts it at once, and the group may not agree to it.
func TestMembersThatAreNotAgreedToAreNotTold(t *testing.T) {
	s := newShelf(t, "pi-1", "pi-2")
	s.start("pi-1", "pi-1")
	s.run(&state.Command{Kind: state.OpenSession}) // it leads, and is alone
	g := s.nodes["pi-1"]
	for !g.ready.In(g.Term()) {
		if !wait.For(t.Context(), time.Millisecond) {
			t.Fatal("it is not ready")
		}
	}
	if m, err := g.agreedMembers(); err != nil || m.Has("pi-2") {
		t.Fatalf("before: %+v, %v", m, err)
	}
	err := g.changeMembers(func() raft.Future {
		change := g.raft.AddNonvoter("pi-2", g.port.Address("pi-2"), 0, time.Minute)
		if m, err := g.agreedMembers(); api.KindOf(err) != api.Unavailable {
			t.Errorf("while it is changed: %+v, %v", m, err)
		}
		if err := g.agreed("add pi-2"); api.KindOf(err) != api.Unavailable {
			t.Errorf("whoever asks for the same is told that it is so: %v", err)
		}
		return change
	}, "add pi-2")
	if m, after := g.agreedMembers(); err != nil || after != nil || !m.Has("pi-2") {
		t.Errorf("afterwards: %+v, %v, %v", m, err, after)
	}
}
