package raftlog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"picloud/node/host/hosttest"
)

// TestAScrubIsNotAnsweredFromMemory lets a table rot of which every block is in Pebble's cache.
func TestAScrubIsNotAnsweredFromMemory(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs)
	defer l.Close()
	for i := uint64(1); i <= 500; i++ {
		if err := l.StoreLog(&raft.Log{Index: i, Data: fmt.Append(nil, "entry ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.Pebble().Flush(), l.Scrub(t.Context())); err != nil {
		t.Fatal(err)
	}
	hosttest.Rot(t, fs, "log")
	var got raft.Log
	if err := l.GetLog(1, &got); err != nil {
		t.Fatalf("the entry was to be in memory: %v", err)
	}
	if err := l.Scrub(t.Context()); !pebble.IsCorruptionError(err) || !strings.Contains(err.Error(), ".sst") {
		t.Errorf("the scrub says %v", err)
	}
}

// TestAScrubOutlivesCompactions lets tables vanish while they are read.
func TestAScrubOutlivesCompactions(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	for round := range uint64(20) {
		for i := range uint64(20) {
			if err := l.StoreLog(entry(round*20 + i + 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Pebble().Flush(); err != nil {
			t.Fatal(err)
		}
		compacted := make(chan error)
		go func() { compacted <- l.Pebble().Compact(t.Context(), []byte("a"), []byte("z"), false) }()
		if err := errors.Join(l.Scrub(t.Context()), <-compacted); err != nil {
			t.Fatal(err)
		}
	}
}
