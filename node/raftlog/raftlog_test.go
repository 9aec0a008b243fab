package raftlog

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

func open(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(fs, "log", nil)
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
		log := &raft.Log{
			Index: rapid.Uint64().Draw(t, "index"), Term: rapid.Uint64().Draw(t, "term"),
			Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
		b := encode(log)
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		var got raft.Log
		if err := decode(b, &got); !errors.Is(err, ErrDamaged) {
			t.Fatalf("an entry with bit %d flipped was read as %+v", bit, got)
		}
	})
}
