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
// one that ends in 7 takes for ever. Only then it makes a file called waiting.
const pretender = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in -out) out=$2 ;; -seed) seed=$2 ;; esac
  shift
done
verdict=pass status=0
case "$seed" in
  *3) verdict=fail status=1 ;;
  *5) echo "a bug of the simulator" >&2; exit 2 ;;
  *7) touch "$out/../waiting"; trap 'exit 130' INT; while :; do sleep 1; done ;;
esac
mkdir -p "$out"
echo '[]' > "$out/timeline.json"
echo '{"scenario":"drawn","seed":'$seed',"verdict":"'$verdict'","trace_hash":"","simulated_seconds":1,"healed_at":1,"operations":{"ok":0,"failed":0,"unknown":0},
"checks":[{"name":"durable","status":"'$verdict'","count":1,"detail":"1 reads miss something"}],"faults":[]}' > "$out/result.json"
exit $status
`

func TestASoakGoesOnAfterAFailureAndLeavesNothingOfWhatItGaveUp(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(t.TempDir(), "pretender")
	if err := os.WriteFile(program, []byte(pretender), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &soak{sweep: newSweep("soak", folder), tiers: draw.Tiers()}
	s.program, s.list, s.endless = program, hunt.Range(1, 1000), true
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(folder, "waiting")); err == nil {
				interrupt()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	err := s.run(ctx, 1, s.play)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a soak that is interrupted ends with %v", err)
	}
	var left []string
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got, want := strings.Join(left, " "), "3 5 failures.jsonl junit.xml summary.txt sweep.json waiting"; got != want {
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
