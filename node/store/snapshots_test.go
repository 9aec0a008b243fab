package store

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"picloud/node/store/state"
)

// bench is a member's state with its snapshots, which a test uses in the order in which raft would.
type bench struct {
	*testing.T
	*fsm
	log raft.LogStore
}

func newBench(t *testing.T) *bench {
	t.Helper()
	disk := vfs.NewMem()
	db, err := pebble.Open("db", &pebble.Options{FS: disk, Logger: quiet{}, FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := state.Open(db, 1)
	if err != nil {
		t.Fatal(err)
	}
	log := raft.NewInmemStore()
	snaps, err := openSnapshots(s, log, disk, "snapshots", func() func(error) { return func(error) {} }, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, &fsm{state: s, snapshots: snaps, damaged: func(err error) { t.Error(err) }}, log}
}

// apply applies the entries up to an index.
func (b *bench) apply(upTo uint64) {
	b.Helper()
	command, err := (&state.Command{Kind: state.OpenSession}).Encode()
	if err != nil {
		b.Fatal(err)
	}
	for index, _ := b.fsm.state.Applied(); index < upTo; {
		index++
		b.Apply(&raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: command})
	}
}

// create begins a snapshot.
func (b *bench) create(index uint64) raft.SnapshotSink {
	b.Helper()
	k, err := b.snapshots.Create(1, index, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		b.Fatal(err)
	}
	return k
}

// install does what raft does with a snapshot of another bench that comes in.
func (b *bench) install(from *bench, index uint64) error {
	b.Helper()
	c, err := from.fsm.state.Copy()
	if err != nil {
		b.Fatal(err)
	}
	k := b.create(index)
	if _, err := io.Copy(k, from.fsm.snapshots.stream(c)); err != nil {
		b.Fatal(err)
	}
	if err := k.Close(); err != nil {
		b.Fatal(err)
	}
	_, staged, err := b.snapshots.Open(k.ID())
	if err != nil {
		b.Fatal(err)
	}
	defer staged.Close()
	return b.Restore(staged)
}

// keep does what raft does with a snapshot of the bench's own, once it has asked for its members.
func (b *bench) keep(s raft.FSMSnapshot, index uint64) error {
	k := b.create(index)
	if err := s.Persist(k); err != nil {
		return errors.Join(err, k.Cancel())
	}
	return k.Close()
}

// noted returns the index of the last snapshot.
func (b *bench) noted() uint64 {
	b.Helper()
	meta, err := b.snapshots.last()
	if err != nil || meta == nil {
		b.Fatalf("no snapshot: %v", err)
	}
	return meta.Index
}

// asked returns a leader with 20 entries and another one with 10, of whose state a snapshot was asked for.
func asked(t *testing.T) (leader, b *bench, own raft.FSMSnapshot) {
	t.Helper()
	leader, b = newBench(t), newBench(t)
	leader.apply(20)
	b.apply(10)
	own, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return leader, b, own
}

// TestASnapshotThatWasOvertakenIsNotNoted: raft asks the state for a snapshot, and then waits for its main loop, which may be putting another
// one in the state's place. The log begins behind that one.
func TestASnapshotThatWasOvertakenIsNotNoted(t *testing.T) {
	leader, b, own := asked(t)
	if err := b.install(leader, 20); err != nil {
		t.Fatal(err)
	}
	if err := b.keep(own, 10); err == nil {
		t.Error("a snapshot of the state as it was before is kept")
	}
	own.Release()
	if n := b.noted(); n != 20 {
		t.Errorf("the last snapshot is that of entry %d, and the log begins behind 20", n)
	}
	b.apply(25)
	own, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.keep(own, 25); err != nil || b.noted() != 25 {
		t.Errorf("the next one is not kept: %d, %v", b.noted(), err)
	}
	own.Release()
}

// TestNothingComesInBetweenANoteAndRaftsCountingFromIt: raft would count from the older one and acknowledge the newer one.
func TestNothingComesInBetweenANoteAndRaftsCountingFromIt(t *testing.T) {
	leader, b, own := asked(t)
	if err := b.keep(own, 10); err != nil {
		t.Fatal(err)
	}
	installed := make(chan error, 1)
	go func() { installed <- b.install(leader, 20) }()
	select {
	case err := <-installed:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	own.Release()
	if err := <-installed; err != nil || b.noted() != 20 {
		t.Errorf("the last snapshot is that of entry %d: %v", b.noted(), err)
	}
}

// TestAnOlderSnapshotIsRefused: one that was on its way for too long, and whose sender has sent it again and entries behind it since.
func TestAnOlderSnapshotIsRefused(t *testing.T) {
	leader, b := newBench(t), newBench(t)
	leader.apply(20)
	if err := b.install(leader, 20); err != nil {
		t.Fatal(err)
	}
	if err := b.install(leader, 20); err != nil {
		t.Errorf("one whose answer was lost: %v", err)
	}
	b.apply(30)
	before := fmt.Sprint(b.fsm.state.Digest())
	if err := b.install(leader, 20); err == nil {
		t.Error("the state goes back")
	}
	if after := fmt.Sprint(b.fsm.state.Digest()); after != before || b.noted() != 20 {
		t.Errorf("the state was %s and is %s", before, after)
	}
}
