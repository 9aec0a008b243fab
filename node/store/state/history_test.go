package state

import (
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/rpc"
)

// lab is a state with one session.
type lab struct {
	*State
	t        testing.TB
	index    uint64
	sequence uint64
}

func newLab(t testing.TB) *lab {
	l := &lab{State: applied(t, vfs.NewMem(), 1, entries(t, []Command{{Kind: OpenSession}})), t: t, index: 1}
	t.Cleanup(func() { l.db.Close() })
	return l
}

// apply applies commands at once.
func (l *lab) apply(commands ...Command) []Outcome {
	l.t.Helper()
	list := entries(l.t, commands)
	for i := range list {
		l.index++
		list[i].Index = l.index
	}
	outcomes, err := l.Apply(list)
	if err != nil {
		l.t.Fatal(err)
	}
	return outcomes
}

// command returns the command that runs a transaction.
func (l *lab) command(t api.Txn) Command {
	l.sequence++
	return Command{Kind: RunTxn, Request: api.Request{Session: 1, Sequence: l.sequence, Answered: l.sequence - 1, Txn: t}}
}

// do runs operations as one transaction.
func (l *lab) do(ops ...api.Op) Outcome {
	l.t.Helper()
	return l.apply(l.command(api.Txn{Then: ops}))[0]
}

func put(key string, bytes int) api.Op {
	return api.Op{Kind: api.Put, Key: key, Value: make([]byte, bytes)}
}

// watched returns all events of a watch; each answer must fit into a message.
func (l *lab) watched(w api.Watch, want int) (all []api.Event, answers int) {
	l.t.Helper()
	for last, _ := l.Revision(); w.From <= last; answers++ {
		found, err := l.Watch(l.t.Context(), &w, want)
		if err != nil {
			l.t.Fatalf("from %d: %v", w.From, err)
		}
		b, err := found.Encode()
		if err != nil || len(b) > rpc.MaxBytes-1024 || found.Next <= w.From {
			l.t.Fatalf("from %d: %d events up to %d in %d bytes, %v", w.From, len(found.Events), found.Next, len(b), err)
		}
		all, w.From = append(all, found.Events...), found.Next
	}
	return all, answers
}

// TestAWatchThatIsFarBehindGoesOn watches values that do not fit into one message together.
func TestAWatchThatIsFarBehindGoesOn(t *testing.T) {
	l := newLab(t)
	for i := range 9 {
		l.do(put(fmt.Sprint("a/", i), api.MaxValueBytes))
		l.do(put(fmt.Sprint("b/", i), 1))
	}
	l.do(put("a/9", api.MaxValueBytes/2), put("a/10", api.MaxValueBytes)) // a revision is not split
	for partition, want := range map[string]int{"a": 11, "b": 9, "c": 0} {
		all, answers := l.watched(api.Watch{Key: partition, From: 1}, 1000)
		if len(all) != want {
			t.Errorf("%s: %d events of %d", partition, len(all), want)
		}
		if partition != "a" && answers != 1 {
			t.Errorf("%s: what others have written has split its events into %d answers", partition, answers)
		}
		for i := range all {
			if i > 0 && all[i].Revision < all[i-1].Revision {
				t.Errorf("%s: revision %d comes after %d", partition, all[i].Revision, all[i-1].Revision)
			}
		}
	}
	found, err := l.Follow(t.Context(), &api.Follow{Partitions: []string{"a"}, From: 1}, 1000)
	if err != nil || len(found.Changes) != 11 || !found.Current {
		t.Errorf("who follows wants no values: %+v, %v", found, err)
	}
}

// TestALookIntoTheHistoryEnds asks when the time is over: there is an answer, and it is further on.
func TestALookIntoTheHistoryEnds(t *testing.T) {
	l := newLab(t)
	for range 5 {
		l.do(put("a", 1))
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := l.Watch(over, &api.Watch{Key: "b", From: 2}, 1000); err != nil || found.Next != 3 {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := l.Follow(over, &api.Follow{Partitions: []string{"b"}, From: 2}, 1000); err != nil || found.Next != 3 || found.Current {
		t.Errorf("%+v, %v", found, err)
	}
}
