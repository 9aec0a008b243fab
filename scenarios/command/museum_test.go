package command

import (
	"context"
	"errors"
	"testing"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/sim/event"
)

// TestATwinThatFailsFailsTheMuseum, also where a cloud without a bug is all that is shown.
func TestATwinThatFailsFailsTheMuseum(t *testing.T) {
	for _, test := range []struct {
		only  string
		fails uint64 // the seed with which the mended twin fails; none if zero
		want  error
	}{
		{"museum-single", 0, nil},
		{"museum-single", 2, Fail},
		{"lost-update", 0, nil},
		{"lost-update", 2, Fail},
	} {
		tour, err := newTour(test.only, 1)
		if err != nil {
			t.Fatal(err)
		}
		tour.effort = effort{hunts: 1}
		tour.play = func(_ context.Context, s *scenarios.Scenario, _ int, seed uint64) (*reports.Result, error) {
			r := &reports.Result{Seed: seed, Checks: []reports.Check{{Name: "linearizable", Status: reports.Pass}}}
			bug := s.MachinesOf("node")[0].Program == "museum-single/lost-update"
			if bug || seed == test.fails {
				r.Checks[0].Status = reports.Fail
			}
			r.Judge()
			return r, nil
		}
		if err := tour.walk(t.Context(), 1, 3); !errors.Is(err, test.want) {
			t.Errorf("%s, whose twin fails with seed %d: %v, want %v", test.only, test.fails, err, test.want)
		}
	}
}

// TestAnExhibitIsCutDownByWhatItBreaks although another check, which it does not break, fails before it and with fewer faults.
func TestAnExhibitIsCutDownByWhatItBreaks(t *testing.T) {
	tour, err := newTour("lost-update", 1)
	if err != nil {
		t.Fatal(err)
	}
	tour.effort = effort{hunts: 1, cuts: 500}
	tour.play = func(_ context.Context, s *scenarios.Scenario, _ int, seed uint64) (*reports.Result, error) {
		faults, err := s.Schedule(event.NewLoop(seed).Stream)
		r := &reports.Result{Seed: seed, Checks: []reports.Check{{Name: "live", Status: reports.Fail}, {Name: "linearizable", Status: reports.Pass}}}
		if len(faults) >= 2 {
			r.Checks[1].Status = reports.Fail
		}
		r.Judge()
		return r, err
	}
	if err := tour.walk(t.Context(), 20, 0); err != nil {
		t.Fatal(err)
	}
	if s := tour.took[0]; s.left != 2 || s.of < 3 {
		t.Errorf("the find was cut down to %s faults, and it takes two", s.size())
	}
}
