package raftlog

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// last is a logger for which fatal is the last that is heard of a goroutine.
type last struct{ words chan string }

func (last) Infof(string, ...any)  {}
func (last) Errorf(string, ...any) {}
func (l last) Fatalf(format string, args ...any) {
	select {
	case l.words <- fmt.Sprintf(format, args...):
	default:
	}
	select {} // as the process would have ended
}

// TestAWriteThatFailsOnceIsTheEnd has the disk fail one write or sync of the log, and then work again: the entry is
// neither acknowledged nor refused, and nothing is tried again. So no caller can go on with a log of which nobody
// knows what reached the disk, and no follower refuses entries because of its disk.
func TestAWriteThatFailsOnceIsTheEnd(t *testing.T) {
	for name, fails := range map[string]func(errorfs.Op) bool{
		"a write": func(op errorfs.Op) bool {
			return strings.HasSuffix(op.Path, ".log") && op.Kind == errorfs.OpFileWrite
		},
		"a sync": func(op errorfs.Op) bool {
			return strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo)
		},
		"a note of what is synced": func(op errorfs.Op) bool {
			return strings.HasSuffix(op.Path, ".mark") && op.Kind == errorfs.OpFileWriteAt
		},
	} {
		t.Run(name, func(t *testing.T) {
			var armed atomic.Bool
			disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if fails(op) && armed.CompareAndSwap(true, false) {
					return errors.New("the card is tired")
				}
				return nil
			}))
			words := make(chan string, 1)
			db, err := Open(disk, "log", Config{Logger: last{words}})
			if err != nil {
				t.Fatal(err)
			}
			s, err := db.Log(1)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.StoreLog(&raft.Log{Index: 1, Term: 1, Data: []byte("good")}); err != nil {
				t.Fatal(err)
			}
			armed.Store(true)
			answered := make(chan error, 1)
			go func() { answered <- s.StoreLog(&raft.Log{Index: 2, Term: 1, Data: []byte("bad")}) }()
			select {
			case word := <-words:
				if !strings.Contains(word, "the card is tired") {
					t.Error(word)
				}
			case err := <-answered:
				t.Fatalf("the write was answered: %v", err)
			case <-time.After(20 * time.Second):
				t.Fatal("nothing comes of it")
			}
			select {
			case err := <-answered:
				t.Errorf("the write was answered after all: %v", err)
			case <-time.After(50 * time.Millisecond):
			}
		})
	}
}
