package raftlog

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"picloud/node/sealed"
)

// log is the log of a group with its database.
type log struct {
	*Store
	*DB
}

func open(t testing.TB, fs vfs.FS) log {
	t.Helper()
	db, err := Open(fs, "log", Config{})
	if err != nil {
		t.Fatal(err)
	}
	return log{group(t, db, 3), db}
}

func group(t testing.TB, db *DB, number uint32) *Store {
	t.Helper()
	s, err := db.Log(number)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func entry(i uint64) *raft.Log {
	return &raft.Log{Index: i, Term: i / 3, Type: raft.LogCommand, Data: []byte{byte(i)}, AppendedAt: time.Unix(0, int64(i))}
}

func TestEntriesSurviveReopening(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	for i := uint64(1); i <= 20; i++ {
		if err := s.StoreLog(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.DeleteRange(1, 4), s.DeleteRange(19, 20), s.SetUint64([]byte("term"), 7), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, fs)
	defer s.Close()
	first, _ := s.FirstIndex()
	last, _ := s.LastIndex()
	if first != 5 || last != 18 {
		t.Errorf("log from %d to %d, want 5 to 18", first, last)
	}
	var got raft.Log
	if err := s.GetLog(10, &got); err != nil || !reflect.DeepEqual(&got, entry(10)) {
		t.Errorf("entry 10: %+v, %v", got, err)
	}
	if err := s.GetLog(4, &got); err != raft.ErrLogNotFound {
		t.Errorf("entry 4: %v, want not found", err)
	}
	if term, err := s.GetUint64([]byte("term")); term != 7 || err != nil {
		t.Errorf("term %d, %v", term, err)
	}
	if _, err := s.Get([]byte("vote")); err == nil || err.Error() != "not found" {
		t.Errorf("missing vote: %v; raft expects the text %q", err, "not found")
	}
}

func TestPowerCutKeepsWhatWasAcknowledged(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	for i := uint64(1); i <= 50; i++ {
		if err := s.StoreLog(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	after := open(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	defer after.Close()
	if last, _ := after.LastIndex(); last != 50 {
		t.Errorf("last entry after a power cut is %d, want 50", last)
	}
	s.Close()
}

func TestADamagedEntryIsNeverServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &raft.Log{
			Index: rapid.Uint64().Draw(t, "index"), Term: rapid.Uint64().Draw(t, "term"),
			Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
		b := encode(l)
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		var got raft.Log
		if err := decode(b, &got); !errors.Is(err, ErrDamaged) {
			t.Fatalf("an entry with bit %d flipped was read as %+v", bit, got)
		}
	})
}

// TestGroupsDoNotSeeEachOther writes to neighbours, in many goroutines as raft's groups do.
func TestGroupsDoNotSeeEachOther(t *testing.T) {
	fs := vfs.NewMem()
	db := open(t, fs).DB
	var all sync.WaitGroup
	for number := range uint32(5) {
		s := group(t, db, number)
		all.Go(func() {
			for i := range uint64(10 + number) {
				if err := errors.Join(s.StoreLog(entry(i+1)), s.SetUint64([]byte("term"), i)); err != nil {
					t.Error(err)
				}
			}
			if err := s.DeleteRange(1, uint64(number)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := errors.Join(db.Scrub(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}
	db = open(t, fs).DB
	defer db.Close()
	for number := range uint32(6) {
		s := group(t, db, number)
		first, _ := s.FirstIndex()
		last, _ := s.LastIndex()
		term, err := s.GetUint64([]byte("term"))
		if number == 5 {
			if first != 0 || last != 0 || err == nil {
				t.Errorf("an unused group has entries %d to %d and the term %d", first, last, term)
			}
		} else if first != uint64(number)+1 || last != uint64(number)+10 || term != uint64(number)+9 || err != nil {
			t.Errorf("group %d has entries %d to %d and the term %d: %v", number, first, last, term, err)
		}
	}
	if _, err := db.Log(maxGroups); err == nil {
		t.Error("there is no end of groups")
	}
}

func TestADamagedVoteIsNotTaken(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	if err := l.Set([]byte("vote"), []byte("pi-2")); err != nil {
		t.Fatal(err)
	}
	place := stableKey(3, []byte("vote"))
	if err := l.Pebble().Set(place, append(sealed.Seal(place, []byte("pi-2"))[:4], "pi-3"...), nil); err != nil {
		t.Fatal(err)
	}
	if vote, err := l.Get([]byte("vote")); !errors.Is(err, ErrDamaged) {
		t.Errorf("the vote is %q, %v", vote, err)
	}
}
