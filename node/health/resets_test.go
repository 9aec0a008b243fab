package health

import (
	"errors"
	"io/fs"
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/hw"
	"picloud/node/owned"
)

// TestResetsAreCountedAcrossStarts starts and ends a node, and its board, in turn.
func TestResetsAreCountedAcrossStarts(t *testing.T) {
	board := &booted{}
	kit := &Kit{Owner: owned.Owner{Cloud: "c", Node: "pi-1"}, Disk: vfs.NewMem(), Board: board, Log: slog.New(slog.DiscardHandler)}
	now := time.Unix(1000, 0)
	var r resets
	for _, step := range []struct {
		what  string
		after time.Duration
		boot  string // of the kernel, if the node starts
		stops bool
		want  int64
	}{
		{"the first start", 0, "a", false, 0},
		{"the process died, its board did not", time.Second, "a", false, 0},
		{"the board was reset", 10 * time.Second, "b", false, 1},
		{"and again", 10 * time.Second, "c", false, 2},
		{"a while later the first counts no more", resetsOver - 10*time.Second, "", false, 1},
		{"the node is stopped", time.Second, "", true, 1},
		{"and its board restarted, which somebody wanted", time.Second, "d", false, 1},
		{"the node is stopped and started, its board is not", time.Second, "", true, 1},
		{"", time.Second, "d", false, 1},
		{"what is asked for once is not asked for again", time.Second, "e", false, 2},
		{"the clock was wrong: it is earlier now", -time.Hour, "f", false, 1},
		{"all is well for long", time.Hour, "", false, 0},
	} {
		now = now.Add(step.after)
		if step.boot != "" {
			board.boot = hw.Known(step.boot)
			r = resets{}
			r.begin(kit, now)
		}
		if step.stops {
			r.end(kit)
		}
		if got, err := r.count(now).Get(); err != nil || got != step.want {
			t.Fatalf("%s: %d resets (%v), want %d", step.what, got, err, step.want)
		}
	}
}

func TestResetsAreUnknownWhereNobodyCanCount(t *testing.T) {
	board := &booted{}
	kit := &Kit{Owner: owned.Owner{Cloud: "c", Node: "pi-1"}, Disk: vfs.NewMem(), Board: board, Log: slog.New(slog.DiscardHandler)}
	var r resets
	board.boot = hw.Unknown[string](fs.ErrNotExist)
	r.begin(kit, time.Now())
	r.end(kit)
	if _, err := r.count(time.Now()).Get(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the kernel's word: %v", err)
	}
}

// booted is a board that says which run of the kernel it is.
type booted struct {
	hw.Board
	boot hw.Value[string]
}

func (b *booted) Read() hw.Reading { return hw.Reading{Boot: b.boot} }
