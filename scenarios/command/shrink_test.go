package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/shrink"
	"picloud/sim/event"
)

// TestTheRunThatWasCutDownSaysSo: what was found stands in its own folder, with the seeds that were played, also with those that a search for bugs plays.
func TestTheRunThatWasCutDownSaysSo(t *testing.T) {
	folder := t.TempDir()
	whole := &reports.Result{Scenario: "story", Seed: 7, TraceHash: "abc", SimulatedSeconds: 60e9, Checks: []reports.Check{{Name: "live", Status: reports.Fail}}}
	whole.Judge()
	if err := reports.Write(folder, whole, nil, nil); err != nil {
		t.Fatal(err)
	}
	faults, err := chaos.Parse("schedule", "10.000s +5.000s pause machine=pi-1\n20.000s +5.000s pause machine=pi-2\n")
	if err != nil {
		t.Fatal(err)
	}
	job := shrink.Job{
		Run:      shrink.Run{Seed: 7, Cut: scenarios.Cut{Faults: faults, Amounts: []scenarios.Amount{{Path: "users.count", Value: 9}}}},
		Workers:  1,
		Possible: func(shrink.Run) bool { return true },
		Play: func(_ context.Context, _ int, r shrink.Run) (*reports.Result, error) {
			status := reports.Pass
			if len(r.Faults) > 0 && r.Faults[len(r.Faults)-1].Target.A[0] == "pi-2" {
				status = reports.Fail
			}
			return &reports.Result{Seed: r.Seed, Checks: []reports.Check{{Name: "live", Status: status}}}, nil
		},
	}
	var s search
	found, err := (&effort{hunts: 1, cuts: 50}).cut(t.Context(), &s, &job)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutting{program: "picloud", folder: folder, of: folder}
	if err := c.report(found, &job); err != nil {
		t.Fatal(err)
	}
	r, _, err := reports.Read(folder)
	if err != nil || r.Minimal == nil {
		t.Fatalf("%v, %+v", err, r)
	}
	m := r.Minimal
	if !slices.Equal(m.Faults, []string{"20.000s +5.000s pause machine=pi-2"}) || m.Of != 2 || !m.Needed || !slices.Equal(m.Seeds, []uint64{7, 8}) || m.Runs != found.Played ||
		!strings.HasSuffix(m.Replay, "minimal.yaml -seed 7") {
		t.Errorf("%+v", m)
	}
}

// TestWhatIsAboutAnotherFailureStandsInNoReport: the program that was played may fail otherwise than the one that left the run.
func TestWhatIsAboutAnotherFailureStandsInNoReport(t *testing.T) {
	for _, status := range []reports.Status{reports.Fail, reports.Pass} {
		folder := t.TempDir()
		r := &reports.Result{Scenario: "story", Seed: 7, TraceHash: "abc", SimulatedSeconds: 60e9, Checks: []reports.Check{{Name: "durable", Status: status}}}
		r.Judge()
		if err := reports.Write(folder, r, nil, nil); err != nil {
			t.Fatal(err)
		}
		c := &cutting{program: "picloud", folder: t.TempDir(), of: folder}
		if err := c.report(&shrink.Found{Check: "live", Run: shrink.Run{Seed: 7}}, &shrink.Job{Run: shrink.Run{Seed: 7}}); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(folder, reports.MinimalFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the report of a run whose check is %s says what live takes (%v)", status, err)
		}
	}
}

// TestASmallerRunInTheFolderOfTheWholeTakesItsPlace: there is no report of the whole any more that it could stand in.
func TestASmallerRunInTheFolderOfTheWholeTakesItsPlace(t *testing.T) {
	folder := t.TempDir()
	for out, want := range map[string]string{folder: "", folder + "/../" + filepath.Base(folder): "", filepath.Join(folder, "new"): folder, t.TempDir(): folder} {
		c := &cutting{of: folder}
		if c.into(out); c.of != want || c.folder != out {
			t.Errorf("into %s: the report that is written anew is in %q, want %q", out, c.of, want)
		}
	}
}

// fickle is a program whose runs fail while a run is cut down, and no more when what was found is played as a person would.
const fickle = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in -out) out=$2 ;; -seed) seed=$2 ;; esac
  shift
done
verdict=pass status=0
case "$out" in */run-*) verdict=fail status=1 ;; esac
mkdir -p "$out"
echo '[]' > "$out/timeline.json"
echo '{"scenario":"lone-store","seed":'$seed',"verdict":"'$verdict'","trace_hash":"","simulated_seconds":1,"healed_at":1,"operations":{"ok":0,"failed":0,"unknown":0},
"checks":[{"name":"durable","status":"'$verdict'","count":1}],"faults":[]}' > "$out/result.json"
exit $status
`

// TestWhatDoesNotFailAgainIsNoProof: it does not stand in the report of the run that was cut down.
func TestWhatDoesNotFailAgainIsNoProof(t *testing.T) {
	of := t.TempDir()
	r := &reports.Result{Scenario: "lone-store", Seed: 1, TraceHash: "abc", SimulatedSeconds: 60e9, Checks: []reports.Check{{Name: "durable", Status: reports.Fail}}}
	r.Judge()
	if err := reports.Write(of, r, nil, nil); err != nil {
		t.Fatal(err)
	}
	whole, run, err := runOf("lone-store", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutting{whole: whole, program: script(t, "fickle", fickle), folder: t.TempDir(), of: of}
	err = c.shrink(t.Context(), shrink.Job{Run: run, Seeds: 1, Most: 100, Workers: 1, FaultsOnly: true, Possible: c.possible, Play: c.play})
	if err == nil || !strings.Contains(err.Error(), "was expected to fail durable, and does not") {
		t.Errorf("it ends with %v", err)
	}
	if _, err := os.Stat(filepath.Join(of, reports.MinimalFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the report says what it was cut down to (%v)", err)
	}
}

// TestAFolderHasItsSeedAndItsDefences: what is said beside it would be silently left out.
func TestAFolderHasItsSeedAndItsDefences(t *testing.T) {
	for _, args := range [][]string{{"-seed", "9", "out/quiet-7"}, {"-without", "health", "out/quiet-7"}} {
		if err := Shrink(t.Context(), args); err == nil || !strings.Contains(err.Error(), "go with -scenario") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestARunWhoseScheduleWasEditedKeepsItsReport: what is found then is about another run.
func TestARunWhoseScheduleWasEditedKeepsItsReport(t *testing.T) {
	s, err := scenarios.Load("lone-store")
	if err != nil {
		t.Fatal(err)
	}
	faults, err := s.Schedule(event.NewLoop(1).Stream)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := s.Save(folder, scenarios.Run{Seed: 1, TraceHash: "abc", Schedule: faults, Felt: make([]int64, len(faults))}); err != nil {
		t.Fatal(err)
	}
	for _, edited := range []bool{false, true} {
		if edited {
			if err := os.WriteFile(filepath.Join(folder, scenarios.ScheduleFile), []byte(faults[:1].String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := &cutting{}
		run, err := c.take(folder)
		if err != nil || (c.of == "") != edited || (len(run.Faults) == 1) != edited {
			t.Errorf("edited %v: %d faults, the report that is written anew is in %q (%v)", edited, len(run.Faults), c.of, err)
		}
	}
}
