package command

import (
	"context"
	"slices"
	"strings"
	"testing"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/shrink"
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
