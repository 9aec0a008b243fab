package main

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// disk returns a disk with a file of notes, of which nothing is synced.
func disk(t *testing.T, notes string) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	f, err := fs.OpenReadWrite("notes", vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write([]byte(notes))
	}
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

func opened(t *testing.T, fs vfs.FS) *notebook {
	t.Helper()
	n, err := open(fs)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWhatWasReadAfterAKillSurvivesAPowerCut: the process was killed before it had synced the note, and the next one tells it to everybody.
func TestWhatWasReadAfterAKillSurvivesAPowerCut(t *testing.T) {
	fs := disk(t, `{"Number":1,"Key":"k","Value":"v"}`+"\n")
	if got := opened(t, fs).values["k"]; got != "v" {
		t.Fatalf("before the power cut k is %q", got)
	}
	if got := opened(t, fs.CrashClone(vfs.CrashCloneCfg{})).values["k"]; got != "v" {
		t.Errorf("after the power cut k is %q", got)
	}
}

// TestANoteThatLacksItsEndIsNone: what is written behind it could not be read again.
func TestANoteThatLacksItsEndIsNone(t *testing.T) {
	fs := disk(t, `{"Number":1,"Key":"a","Value":"1"}`+"\n"+`{"Number":2,"Key":"b","Value":"2"}`)
	n := opened(t, fs)
	if _, err := n.do(kv.Command{Kind: history.Write, Key: "c", Value: "3"}); err != nil {
		t.Fatal(err)
	}
	again := opened(t, fs)
	if again.values["a"] != "1" || again.values["c"] != "3" || again.values["b"] != n.values["b"] {
		t.Errorf("it had %v, and has %v after its next start", n.values, again.values)
	}
}
