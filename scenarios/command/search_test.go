package command

import (
	"context"
	"maps"
	"slices"
	"testing"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/shrink"
)

// TestAHuntGoesOnAfterTheLastFind, as long as there are seeds, and the median says how many a find takes.
func TestAHuntGoesOnAfterTheLastFind(t *testing.T) {
	for _, c := range []struct {
		name        string
		show        []uint64 // seeds that show the bug
		hunts       int
		first       uint64
		each        string
		wantsMedian int
	}{
		{"three finds", []uint64{4, 5, 15, 16}, 3, 4, "4, 1, 10", 4},
		{"one find is asked for", []uint64{4, 5}, 1, 4, "4", 4},
		{"two finds before the seeds are over", []uint64{2, 20}, 3, 2, "2, 18", 2},
		{"the last seed", []uint64{20}, 3, 20, "20", 20},
		{"none", nil, 3, 0, "", 0},
	} {
		e := effort{hunts: c.hunts}
		first, s, err := e.search(20, func(from, to uint64) (*reports.Result, error) {
			for _, seed := range c.show {
				if from <= seed && seed <= to {
					return &reports.Result{Seed: seed}, nil
				}
			}
			return nil, nil
		})
		switch {
		case err != nil:
			t.Fatal(err)
		case c.first == 0 && first != nil, c.first > 0 && (first == nil || first.Seed != c.first), s.each() != c.each:
			t.Errorf("%s: found %+v, %q", c.name, first, s.each())
		case c.first > 0 && s.median() != c.wantsMedian:
			t.Errorf("%s: the median is %d, want %d", c.name, s.median(), c.wantsMedian)
		}
	}
}

// TestFindsAreCutDownAndCounted: of five faults two are needed here, of five others all.
func TestFindsAreCutDownAndCounted(t *testing.T) {
	cut := func(cuts int, needed ...string) search {
		var faults chaos.Schedule
		for _, machine := range []string{"pi-1", "pi-2", "pi-3", "pi-4", "pi-5"} {
			f, err := chaos.ParseFault("10s +5s pause machine=" + machine)
			if err != nil {
				t.Fatal(err)
			}
			faults = append(faults, f)
		}
		s := search{finds: []uint64{1}}
		e := effort{cuts: cuts}
		_, err := e.cut(context.Background(), &s, &shrink.Job{Run: shrink.Run{Seed: 1, Cut: scenarios.Cut{Faults: faults}}, Workers: 1,
			Possible: func(shrink.Run) bool { return true },
			Play: func(_ context.Context, _ int, r shrink.Run) (*reports.Result, error) {
				met := 0
				for i := range r.Faults {
					for _, n := range needed {
						if r.Faults[i].Target.A[0] == n {
							met++
						}
					}
				}
				status := reports.Pass
				if met == len(needed) {
					status = reports.Fail
				}
				return &reports.Result{Seed: r.Seed, Checks: []reports.Check{{Name: "live", Status: status}}}, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	two, all, none := cut(100, "pi-2", "pi-4"), cut(100, "pi-1", "pi-2", "pi-3", "pi-4", "pi-5"), cut(0, "pi-2")
	if two.size() != "2 of 5" || all.size() != "5 of 5" || none.size() != "-" {
		t.Errorf("cut down to %s, %s and %s", two.size(), all.size(), none.size())
	}
	if got := small([]search{two, all, none}); got != "shrunk to ≤ 3 faults: 1 of 2" {
		t.Error(got)
	}
	if got := small([]search{none}); got != "" {
		t.Errorf("nothing was cut down, and it says %q", got)
	}
}

// TestTheNextFindIsCutDownIfTheFirstNeedsMuch: with the finds of some seeds that need so many faults.
func TestTheNextFindIsCutDownIfTheFirstNeedsMuch(t *testing.T) {
	for _, c := range []struct {
		name  string
		needs map[uint64]int // of 9 faults
		cuts  int
		tried int
		size  string
	}{
		{"the first needs few", map[uint64]int{3: 2, 5: 1, 8: 0}, 300, 1, "2 of 9"},
		{"the second needs few", map[uint64]int{3: 5, 5: 1, 8: 0}, 300, 2, "1 of 9 (seed 5)"},
		{"all need many", map[uint64]int{3: 5, 5: 4, 8: 6}, 300, 3, "4 of 9 (seed 5)"},
		{"nothing is cut down", map[uint64]int{3: 5, 5: 4, 8: 6}, 0, 1, "-"},
	} {
		e, s, tried := effort{cuts: c.cuts}, search{finds: slices.Sorted(maps.Keys(c.needs))}, 0
		err := e.cutFinds(&s, func(seed uint64) error {
			tried++
			_, err := e.cut(t.Context(), &s, &shrink.Job{Run: shrink.Run{Seed: seed, Cut: scenarios.Cut{Faults: make(chaos.Schedule, 9)}}, Workers: 1,
				Possible: func(shrink.Run) bool { return true },
				Play: func(_ context.Context, _ int, r shrink.Run) (*reports.Result, error) {
					status := reports.Pass
					if r.Seed == seed && len(r.Faults) >= c.needs[seed] {
						status = reports.Fail
					}
					return &reports.Result{Seed: r.Seed, Checks: []reports.Check{{Name: "live", Status: status}}}, nil
				}})
			return err
		})
		if err != nil || tried != c.tried || s.size() != c.size {
			t.Errorf("%s: %d were cut down, to %s (%v)", c.name, tried, s.size(), err)
		}
	}
}
