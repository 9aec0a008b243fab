package raftlog

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// flip returns a copy of a disk, as a killed process leaves it, on which one byte of the write-ahead
// log differs.
func flip(t *testing.T, fs vfs.FS, part int) vfs.FS {
	t.Helper()
	clone := vfs.NewMem()
	for _, path := range []string{"log", "log.mark"} {
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
		after, err := Open(flip(t, fs, at), "log", Config{})
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
