package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
)

func TestShardsTogetherAreAllSeeds(t *testing.T) {
	for _, count := range []uint64{1, 7, 20, 23} {
		seeds := append([]uint64{90, 7}, hunt.Range(1, count)...)
		for n := 1; n <= len(seeds); n++ {
			var all []uint64
			for i := 1; i <= n; i++ {
				mine, err := part(seeds, fmt.Sprintf("%d/%d", i, n))
				if err != nil {
					t.Fatal(err)
				}
				if most := (len(seeds) + n - 1) / n; len(mine) > most {
					t.Errorf("shard %d of %d has %d of %d seeds", i, n, len(mine), len(seeds))
				}
				all = append(all, mine...)
			}
			if slices.Sort(all); !slices.Equal(all, slices.Sorted(slices.Values(seeds))) {
				t.Errorf("%d shards of %v have %v", n, seeds, all)
			}
		}
	}
}

// TestAKindThatWasNeverFeltFailsTheSweep plays sweeps that pass but for what they feel.
func TestAKindThatWasNeverFeltFailsTheSweep(t *testing.T) {
	s, err := scenarios.Load("lone-store") // requires power-cut and disk-fsync-fail
	if err != nil {
		t.Fatal(err)
	}
	all := func(but ...string) []string {
		return slices.DeleteFunc(s.Kinds(), func(kind string) bool { return slices.Contains(but, kind) })
	}
	for _, test := range []struct {
		name  string
		runs  int
		felt  []string // in every run
		idle  []string // played in every run, and not felt
		fails bool
	}{
		{"few runs that feel what is required", 3, []string{"power-cut", "disk-fsync-fail"}, nil, false},
		{"a required kind finds nothing to do", 3, []string{"power-cut"}, []string{"disk-fsync-fail"}, true},
		{"a kind finds nothing to do now and then", 19, []string{"power-cut", "disk-fsync-fail"}, []string{"disk-full"}, false},
		{"a kind finds nothing to do twenty times", 20, []string{"power-cut", "disk-fsync-fail"}, []string{"disk-full"}, true},
		{"a hundred runs feel all", 100, all(), nil, false},
		{"a hundred runs never play a kind", 100, all("disk-full"), nil, true},
		{"ninety-nine runs never play a kind", 99, all("disk-full"), nil, false},
	} {
		w := newSweep(s.Name, t.TempDir())
		w.list, w.may, w.required = hunt.Range(1, uint64(test.runs)), s.Kinds(), s.Faults.Required
		err := w.run(t.Context(), 1, func(_ context.Context, _ int, seed uint64) (*reports.Result, error) {
			r := &reports.Result{Seed: seed, Verdict: reports.Pass}
			for _, kind := range test.felt {
				r.Faults = append(r.Faults, reports.Fault{Kind: kind, Felt: true})
			}
			for _, kind := range test.idle {
				r.Faults = append(r.Faults, reports.Fault{Kind: kind})
			}
			return r, nil
		})
		if got := errors.Is(err, Fail); got != test.fails {
			t.Errorf("%s: the sweep fails: %v (%v), want %v", test.name, got, err, test.fails)
		}
	}
}
