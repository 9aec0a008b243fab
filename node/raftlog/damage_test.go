package raftlog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// flip returns a copy of a disk's paths, as a killed process leaves them, on which one byte of the write-ahead
// log differs.
func flip(t *testing.T, fs vfs.FS, part int, paths ...string) vfs.FS {
	t.Helper()
	clone := vfs.NewMem()
	for _, path := range paths {
		if _, err := vfs.Clone(fs, clone, path, path); err != nil {
			t.Fatal(err)
		}
	}
	names, err := clone.List("log")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		f, err := clone.OpenReadWrite("log/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		at := int64(part)
		if _, err := f.ReadAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 0x10
		if _, err := f.WriteAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return clone
}

func TestDamageInTheMiddleOfTheWriteAheadLogIsFound(t *testing.T) {
	for name, paths := range map[string][]string{"kill": {"log", "log.mark"}, "power cut": {"log"}} { // the mark was not synced
		t.Run(name, func(t *testing.T) { damageIsFound(t, paths) })
	}
}

func damageIsFound(t *testing.T, paths []string) {
	fs := vfs.NewMem()
	s := open(t, fs)
	const entries = 200
	for i := uint64(1); i <= entries; i++ {
		if err := s.StoreLog(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	silent := 0
	for at := 50; at < 8000; at += 97 {
		after, err := Open(flip(t, fs, at, paths...), "log", Config{})
		if err != nil {
			continue
		}
		if last, _ := group(t, after, 3).LastIndex(); last < entries { // what opens must be whole
			silent++
			t.Logf("byte %d flipped: the log silently ends at %d of %d", at, last, entries)
		}
		after.Close()
	}
	s.Close()
	if silent > 0 {
		t.Errorf("%d damages lost entries in silence", silent)
	}
}

// TestATornEndIsNotDamage cuts the power at random moments: what was not synced is lost, or some of it is.
func TestATornEndIsNotDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewCrashableMem()
		seed := rapid.Uint64().Draw(t, "seed")
		db, err := Open(fs, "log", Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		stored := map[uint32]uint64{}
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			number := rapid.Uint32Range(0, 2).Draw(t, "group")
			s, err := db.Log(number)
			if err == nil {
				stored[number]++
				err = s.StoreLog(entry(stored[number]))
			}
			if err == nil && rapid.Bool().Draw(t, "beside") { // as a state does, which is not synced
				err = db.Pebble().Set([]byte(fmt.Sprint("d", i)), make([]byte, rapid.IntRange(1, 3000).Draw(t, "bytes")), pebble.NoSync)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(t, "kept"), RNG: rand.New(rand.NewPCG(seed, 1))})
		again, err := Open(after, "log", Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		for number, last := range stored {
			s, err := again.Log(number)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := s.LastIndex(); got != last {
				t.Fatalf("group %d has %d of %d entries", number, got, last)
			}
		}
	})
}
