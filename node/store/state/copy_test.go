package state

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"picloud/node/api"
)

// applied opens the state of a group and applies commands to it.
func applied(t rapid.TB, fs vfs.FS, group uint32, list []Entry) *State {
	t.Helper()
	s, err := Open(openPebble(t, fs), group)
	if err == nil {
		_, err = s.Apply(list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func copyOf(t rapid.TB, s *State) []byte {
	t.Helper()
	c, err := s.Copy()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil || int64(b.Len()) != c.Size {
		t.Fatalf("%d bytes of %d: %v", b.Len(), c.Size, err)
	}
	return b.Bytes()
}

func TestACopyIsTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		commands := drawCommands(t)
		list := entries(t, commands)
		n := rapid.IntRange(1, len(list)).Draw(t, "copied after")
		from := applied(t, vfs.NewMem(), 1, list[:n])
		defer from.db.Close()
		fs := vfs.NewMem()
		to := applied(t, fs, 9, entries(t, drawCommands(t)))
		neighbour, err := Open(to.db, 10)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := neighbour.Apply(list); err != nil {
			t.Fatal(err)
		}
		if err := to.Replace(bytes.NewReader(copyOf(t, from)), fs, "incoming", []byte("snapshot")); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "reopen") {
			if err := to.db.Close(); err != nil {
				t.Fatal(err)
			}
			db := openPebble(t, fs)
			if to, err = Open(db, 9); err != nil {
				t.Fatal(err)
			}
			if neighbour, err = Open(db, 10); err != nil {
				t.Fatal(err)
			}
		}
		defer to.db.Close()
		for _, s := range []*State{from, to} { // both go on from there; the copy is given more than it needs
			if _, err := s.Apply(list[n/2:]); err != nil {
				t.Fatal(err)
			}
		}
		m := newModel()
		for i := range commands {
			m.apply(list[i].Index, &commands[i])
		}
		compare(t, to, m)
		compare(t, neighbour, m)
		if to.marker != from.marker || to.recount(t) != to.marker.Digest || neighbour.recount(t) != neighbour.marker.Digest {
			t.Fatalf("the copy went on to %+v, the original to %+v", to.marker, from.marker)
		}
		row, err := to.get(to.db, to.key(tableSnapshot))
		if string(row) != "snapshot" || err != nil {
			t.Fatalf("raft's part is %q, %v", row, err)
		}
	})
}

// TestWhatIsNotACopyChangesNothing cuts a copy short at every length, and flips a bit of every byte.
func TestWhatIsNotACopyChangesNothing(t *testing.T) {
	from := applied(t, vfs.NewMem(), 1, entries(t, []Command{{Kind: OpenSession},
		{Kind: RunTxn, Request: api.Request{Session: 1, Sequence: 1, Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a/b", Value: []byte("value"), TTL: 3}}}}}}))
	defer from.db.Close()
	whole := copyOf(t, from)
	fs := vfs.NewMem()
	to := applied(t, fs, 1, entries(t, []Command{{Kind: OpenSession}, {Kind: Tick, Elapsed: 5}, {Kind: OpenSession}}))
	defer to.db.Close()
	before := copyOf(t, to)
	try := func(what string, b []byte) {
		if err := to.Replace(bytes.NewReader(b), fs, "incoming", nil); !errors.Is(err, errCopy) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range whole {
		try(fmt.Sprintf("the first %d bytes", n), whole[:n])
		spoilt := bytes.Clone(whole)
		spoilt[n] ^= 1 << (n % 8)
		try(fmt.Sprintf("byte %d flipped", n), spoilt)
	}
	if !bytes.Equal(copyOf(t, to), before) {
		t.Error("the state has changed")
	}
	if names, err := fs.List("incoming"); err == nil {
		t.Errorf("files are left: %v", names)
	}
}

func TestAReplacedStateSurvivesAPowerCut(t *testing.T) {
	list := entries(t, []Command{{Kind: OpenSession}, {Kind: Tick, Elapsed: 5}})
	from := applied(t, vfs.NewMem(), 1, list)
	defer from.db.Close()
	fs := vfs.NewCrashableMem()
	to := applied(t, fs, 1, list[:1])
	defer to.db.Close()
	if err := to.Replace(bytes.NewReader(copyOf(t, from)), fs, "incoming", nil); err != nil {
		t.Fatal(err)
	}
	after, err := Open(openPebble(t, fs.CrashClone(vfs.CrashCloneCfg{})), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer after.db.Close()
	if after.marker != from.marker {
		t.Errorf("after the power cut %+v, want %+v", after.marker, from.marker)
	}
}

// TestADamagedStateIsNotCopied: damage must not travel.
func TestADamagedStateIsNotCopied(t *testing.T) {
	s := applied(t, vfs.NewMem(), 1, entries(t, []Command{{Kind: OpenSession}}))
	defer s.db.Close()
	if err := s.db.Set(s.key(tableSessions, big(1)), []byte("nonsense"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Copy(); !errors.Is(err, ErrDamaged) {
		t.Errorf("copied: %v", err)
	}
}
