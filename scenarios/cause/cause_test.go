package cause

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/shrink"
)

var update = flag.Bool("update", false, "write the golden files anew")

// three is a run in which one fault does harm, one helps it and one does nothing.
const three = `
10s +4s disk-slow machine=pi-2
20s +8s pause machine=pi-1
30s +2s kill machine=pi-5
`

// job is a run of short-cloud. It fails if pi-1 is paused for more than 3 s, but with seed 8 only if pi-2 is slow too, or
// has a fast card.
func job(t *testing.T) Job {
	t.Helper()
	s, err := scenarios.Load("short-cloud")
	if err != nil {
		t.Fatal(err)
	}
	faults, err := chaos.Parse("three", three)
	if err != nil {
		t.Fatal(err)
	}
	return Job{Scenario: s, Seeds: 3, Workers: 2, Run: shrink.Run{Seed: 7, Cut: scenarios.Cut{Faults: faults, Amounts: s.Amounts()}},
		Play: func(_ context.Context, _ int, r shrink.Run) (*reports.Result, error) {
			paused, slow := false, r.Cards["pi-2"] == "nvme"
			for _, f := range r.Faults {
				paused = paused || f.Kind == chaos.Pause && f.Target.A[0] == "pi-1" && f.For > 3*time.Second
				slow = slow || f.Kind == "disk-slow" && f.Target.A[0] == "pi-2"
			}
			result := &reports.Result{Seed: r.Seed}
			if paused && (slow || r.Seed != 7) {
				result.Checks = []reports.Check{{Name: "durable", Status: reports.Fail}}
			}
			return result, nil
		}}
}

func TestWhatMattered(t *testing.T) {
	r, err := job(t).Find(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Mattered{Helped, Needed, Harmless} {
		if r.Faults[i].Mattered != want {
			t.Errorf("%s: it says %q, want %q", r.Faults[i].Fault, r.Faults[i].Mattered, want)
		}
	}
	if c := r.Certain; c == nil || time.Duration(c.From) != 23100*time.Millisecond || c.From-c.Not != reports.Seconds(step) {
		t.Errorf("it became certain %+v, want from 23.1s on", c)
	}
	got, path := r.String(), filepath.Join("testdata", "three.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}

func TestWithoutACause(t *testing.T) {
	j := job(t)
	j.Run.Faults = j.Run.Faults[:1]
	if _, err := j.Find(context.Background()); !errors.Is(err, ErrPasses) {
		t.Errorf("a run that passes: %v", err)
	}
	j.Play = func(_ context.Context, _ int, r shrink.Run) (*reports.Result, error) {
		return &reports.Result{Checks: []reports.Check{{Name: "live", Status: reports.Fail}}}, nil
	}
	j.Run.Faults = nil
	r, err := j.Find(context.Background())
	if err != nil || r.Certain != nil || !strings.Contains(r.String(), "fails without any fault") {
		t.Errorf("a run that always fails: %v\n%s", err, r)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := j.Find(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestABranchIsTheRunUntilItsMoment: nothing is there that is not in the run, and nothing goes on after the moment.
func TestABranchIsTheRunUntilItsMoment(t *testing.T) {
	s, err := scenarios.Load("short-cloud")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		all, err := chaos.Parse("three", three)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Duration(rapid.Int64Range(0, int64(40*time.Second)).Draw(t, "at"))
		left := Before(all, at)
		if left.End() > at {
			t.Fatalf("at %s something goes on until %s", at, left.End())
		}
		for _, f := range all {
			there := slices.IndexFunc(left, func(g chaos.Fault) bool { return g.Name() == f.Name() })
			if there >= 0 != (f.At < at) || there >= 0 && left[there].For != min(f.For, at-f.At) {
				t.Fatalf("at %s of `%s` there is left\n%s", at, f, left)
			}
		}
		if _, err := s.Cut(scenarios.Cut{Faults: left}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestAFaultThatPacesItselfIsNotCutShort: its first second would be another one. No moment that is looked at lies within it.
func TestAFaultThatPacesItselfIsNotCutShort(t *testing.T) {
	all, err := chaos.Parse("four", three+"20s +10s swizzle-clog machines=pi-1,pi-2,pi-3\n29s +2s clock-smear machine=pi-1\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range append(ladder(all), whole(all, 20*time.Second), whole(all, 25*time.Second)) {
		if 20*time.Second < at && at < 31*time.Second {
			t.Errorf("a branch begins at %s", at)
		}
	}
}
