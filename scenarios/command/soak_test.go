package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/draw"
	"picloud/scenarios/hunt"
)

// pretender is a program that leaves what a run would: of a seed that ends in 3 one that failed, of one that ends in 5 nothing, and
// one that ends in 7 half of it, and takes for ever. Only then it makes a file called waiting.
const pretender = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in -out) out=$2 ;; -seed) seed=$2 ;; esac
  shift
done
verdict=pass status=0
case "$seed" in
  *3) verdict=fail status=1 ;;
  *5) echo "a bug of the simulator" >&2; exit 2 ;;
  *7) mkdir -p "$out"; touch "$out/run.json" "$out/../waiting"; trap 'exit 130' INT; while :; do sleep 1; done ;;
esac
mkdir -p "$out"
echo '[]' > "$out/timeline.json"
echo '{"scenario":"drawn","seed":'$seed',"verdict":"'$verdict'","trace_hash":"","simulated_seconds":1,"healed_at":1,"operations":{"ok":0,"failed":0,"unknown":0},
"checks":[{"name":"durable","status":"'$verdict'","count":1,"detail":"1 reads miss something"}],"faults":[]}' > "$out/result.json"
exit $status
`

// pretend writes the pretender.
func pretend(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "pretender")
	if err := os.WriteFile(program, []byte(pretender), 0o755); err != nil {
		t.Fatal(err)
	}
	return program
}

// untilOneWaits returns a context that is interrupted when a run in the folder takes for ever.
func untilOneWaits(t *testing.T, folder string) context.Context {
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(folder, "waiting")); err == nil {
				interrupt()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return ctx
}

// namesIn lists what stands in a folder.
func namesIn(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestASoakGoesOnAfterAFailureAndLeavesNothingOfWhatItGaveUp(t *testing.T) {
	folder := t.TempDir()
	s := &soak{sweep: newSweep("soak", folder), tiers: draw.Tiers()}
	s.program, s.list, s.endless = pretend(t), hunt.Range(1, 1000), true
	ctx := untilOneWaits(t, folder)
	err := s.run(ctx, 1, s.play)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a soak that is interrupted ends with %v", err)
	}
	if got, want := namesIn(t, folder), "3 5 failures.jsonl junit.xml summary.txt sweep.json waiting"; got != want {
		t.Errorf("it left %s, want %s", got, want)
	}
	drawn, err := scenarios.Load(filepath.Join(folder, "3", drawnFile))
	if err != nil || drawn.Name != "drawn-3" {
		t.Errorf("the scenario that failed is %v (%v)", drawn, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, reports.SummaryFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"6 runs of soak: 4 passed, 2 failed", "new        durable: # reads miss something (1 runs, last seed 3)", "a bug of the simulator"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the summary lacks %q:\n%s", want, text)
		}
	}
}

// TestASweepThatIsInterruptedLeavesNothingOfWhatItGaveUp: a folder that its summary does not know would be taken for that of a failure.
func TestASweepThatIsInterruptedLeavesNothingOfWhatItGaveUp(t *testing.T) {
	w := newSweep("quiet", t.TempDir())
	w.program, w.list = pretend(t), []uint64{1, 3, 7, 9}
	if err := w.run(untilOneWaits(t, w.folder), 1, w.play("quiet")); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	if got, want := namesIn(t, w.folder), "3 failures.jsonl junit.xml summary.txt sweep.json waiting"; got != want {
		t.Errorf("it left %s, want %s", got, want)
	}
}

func TestASoakWhoseTimeIsOverIsNoFailure(t *testing.T) {
	s := newSweep("soak", t.TempDir())
	s.list, s.endless = hunt.Range(1, 1000), true
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := s.run(ctx, 1, func(ctx context.Context, _ int, seed uint64) (*reports.Result, error) {
		if seed < 3 {
			return &reports.Result{Seed: seed, Verdict: reports.Pass}, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// TestASoakInWhichNoRunEndedIsNoPass: it has shown nothing.
func TestASoakInWhichNoRunEndedIsNoPass(t *testing.T) {
	s := newSweep("soak", t.TempDir())
	s.list, s.endless = hunt.Range(1, 1000), true
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := s.run(ctx, 1, func(ctx context.Context, _ int, _ uint64) (*reports.Result, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if !errors.Is(err, Inconclusive) {
		t.Errorf("it ends with %v", err)
	}
}
