package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/raftlog"
	"picloud/node/store/state"
)

// cutOff returns a shelf of which one node has led and is down, with entries in its log that nobody else has got, and the others have gone on for
// so long that it needs a snapshot. It returns the first of these entries as well.
func cutOff(t *testing.T, entries int) (s *shelf, away string, stale *raft.Log) {
	t.Helper()
	names := []string{"pi-1", "pi-2", "pi-3"}
	s = newShelf(t, names...)
	for _, name := range names {
		s.start(name, names...)
	}
	s.run(&state.Command{Kind: state.OpenSession})
	s.agree()
	var term uint64
	for ; away == ""; time.Sleep(time.Millisecond) {
		if i := slices.IndexFunc(names, func(name string) bool { return s.nodes[name].Leads() }); i >= 0 {
			if term = s.nodes[names[i]].Term(); s.nodes[names[i]].Leads() {
				away = names[i]
			}
		}
	}
	s.stop(away)
	stale = writeStale(t, s, away, term, entries)
	for range 60 {
		s.run(&state.Command{Kind: state.OpenSession})
	}
	for _, m := range s.nodes {
		if err := m.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
	}
	return s, away, stale
}

// writeStale writes what a leader that is cut off would into the log of a node that is down.
func writeStale(t *testing.T, s *shelf, node string, term uint64, entries int) *raft.Log {
	t.Helper()
	db, err := raftlog.Open(s.disks[node], "store", raftlog.Config{Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log, err := db.Log(1)
	if err != nil {
		t.Fatal(err)
	}
	command, err := (&state.Command{Kind: state.OpenSession}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	last, err := log.LastIndex()
	for i := range entries {
		if err == nil {
			err = log.StoreLog(&raft.Log{Index: last + 1 + uint64(i), Term: term, Type: raft.LogCommand, Data: command})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return &raft.Log{Index: last + 1, Term: term}
}

// TestNothingStaysThatWasNotAgreedToOnceASnapshotCameIn: raft leaves some entries before a snapshot for followers that are behind, and would send
// them to a new member as if they had been agreed to, had this node the lead.
func TestNothingStaysThatWasNotAgreedToOnceASnapshotCameIn(t *testing.T) {
	s, away, stale := cutOff(t, 3)
	s.start(away)
	eventually(t, "raft has a snapshot in place", func() bool { return s.nodes[away].raft.Stats()["last_snapshot_index"] != "0" })
	var found raft.Log
	if err := s.nodes[away].log.GetLog(stale.Index, &found); err != raft.ErrLogNotFound {
		t.Errorf("entry %d is there, of term %d, and the others agreed on another one: %v", stale.Index, found.Term, err)
	}
}

// TestALogThatForksBeforeASnapshotIsLeft: raft would go on with the end of its log as it was, refuse all that its leader sends, and vote for those who have less.
func TestALogThatForksBeforeASnapshotIsLeft(t *testing.T) {
	s, away, _ := cutOff(t, 200)
	s.start(away)
	eventually(t, "it does not go on with its log", s.nodes[away].snapshots.forks.Load)
	s.stop(away)
	s.start(away)
	s.run(&state.Command{Kind: state.OpenSession})
	s.agree()
}

// TestALogBeginsAnewBehindASnapshot has a crash come between the placing of a snapshot and what is done to the log.
func TestALogBeginsAnewBehindASnapshot(t *testing.T) {
	const noted, term = 20, 3
	for name, story := range map[string]struct {
		before, after [][3]uint64 // from, to, term
		forks         bool
	}{
		"an empty log":                           {nil, nil, false},
		"it ends before":                         {[][3]uint64{{1, 15, 2}}, nil, false},
		"it has the snapshot's entry":            {[][3]uint64{{5, 25, 3}}, [][3]uint64{{5, 25, 3}}, false},
		"it has another entry there":             {[][3]uint64{{5, 20, 2}}, nil, true},
		"it has another one, and more":           {[][3]uint64{{5, 30, 2}}, nil, true},
		"it begins behind":                       {[][3]uint64{{21, 30, 3}}, [][3]uint64{{21, 30, 3}}, false},
		"it ends before, and begins anew behind": {[][3]uint64{{1, 15, 2}, {21, 30, 3}}, [][3]uint64{{21, 30, 3}}, false},
	} {
		b := newBench(t)
		b.apply(noted)
		for _, part := range story.before {
			for i := part[0]; i <= part[1]; i++ {
				if err := b.log.StoreLog(&raft.Log{Index: i, Term: part[2]}); err != nil {
					t.Fatal(err)
				}
			}
		}
		meta := &raft.SnapshotMeta{Index: noted, Term: term}
		k := &sink{store: b.snapshots, meta: *meta, arrived: func() {}}
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		if forks, err := b.snapshots.beginLog(meta); forks != story.forks || err != nil {
			t.Errorf("%s: it forks: %t, %v", name, forks, err)
		}
		applied, err := b.snapshots.recover()
		if err != nil || applied != noted {
			t.Errorf("%s: %d, %v", name, applied, err)
		}
		var has []string
		for i := uint64(1); i < 40; i++ {
			var log raft.Log
			if b.log.GetLog(i, &log) == nil {
				has = append(has, fmt.Sprint(i, log.Term))
			}
		}
		var want []string
		for _, part := range story.after {
			for i := part[0]; i <= part[1]; i++ {
				want = append(want, fmt.Sprint(i, part[2]))
			}
		}
		if !slices.Equal(has, want) {
			t.Errorf("%s: the log has %v, want %v", name, has, want)
		}
	}
}
