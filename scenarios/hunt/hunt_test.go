package hunt

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"picloud/reports"
)

func failed(r *reports.Result) bool { return r.Verdict == reports.Fail }

func TestTheEarliestRunIsTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seeds := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 50), 1, 30, rapid.ID).Draw(t, "seeds")
		bad := rapid.SliceOfDistinct(rapid.Uint64Range(1, 50), rapid.ID).Draw(t, "bad")
		seen := 0
		found, err := Hunt{
			Seeds:   seeds,
			Workers: rapid.IntRange(0, 5).Draw(t, "workers"),
			Play: func(ctx context.Context, _ int, seed uint64) (*reports.Result, error) {
				r := &reports.Result{Seed: seed, Verdict: reports.Pass}
				if slices.Contains(bad, seed) {
					r.Verdict = reports.Fail
				}
				return r, ctx.Err()
			},
			Wanted: failed,
			Each:   func(*reports.Result) { seen++ },
		}.Run(context.Background())
		first := slices.IndexFunc(seeds, func(seed uint64) bool { return slices.Contains(bad, seed) })
		switch {
		case err != nil:
			t.Fatal(err)
		case first < 0 && (found != nil || seen != len(seeds)):
			t.Fatalf("found %v in %d runs, where there is nothing", found, seen)
		case first >= 0 && (found == nil || found.Seed != seeds[first] || seen <= first):
			t.Fatalf("found %v in %d runs, want seed %d", found, seen, seeds[first])
		}
	})
}

func TestAHuntForNothingPlaysAll(t *testing.T) {
	seen := 0
	found, err := Hunt{
		Seeds: Range(3, 12), Workers: 3, Each: func(*reports.Result) { seen++ },
		Play: func(_ context.Context, _ int, seed uint64) (*reports.Result, error) {
			return &reports.Result{Seed: seed, Verdict: reports.Fail}, nil
		},
	}.Run(context.Background())
	if found != nil || err != nil || seen != 10 {
		t.Errorf("%d runs, found %v, %v", seen, found, err)
	}
}

func TestAHuntEndsWhenARunCannotBeMade(t *testing.T) {
	broken := errors.New("broken")
	var played atomic.Int64
	h := Hunt{Seeds: Range(1, 1000), Workers: 2, Play: func(context.Context, int, uint64) (*reports.Result, error) {
		played.Add(1)
		return nil, broken
	}}
	if _, err := h.Run(context.Background()); !errors.Is(err, broken) || played.Load() > 2 {
		t.Errorf("%d runs, %v", played.Load(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Run(ctx); !errors.Is(err, context.Canceled) || played.Load() > 2 {
		t.Errorf("an interrupted hunt: %v", err)
	}
}

// TestTheLargestSeedIsTheLast: there is none after it.
func TestTheLargestSeedIsTheLast(t *testing.T) {
	const last = uint64(math.MaxUint64)
	for _, c := range []struct {
		from, to uint64
		want     []uint64
	}{
		{3, 5, []uint64{3, 4, 5}},
		{3, 3, []uint64{3}},
		{3, 2, nil},
		{last - 1, last, []uint64{last - 1, last}},
	} {
		if got := Range(c.from, c.to); !slices.Equal(got, c.want) {
			t.Errorf("%d to %d: %v", c.from, c.to, got)
		}
	}
}

// TestALaterRunThatCannotBeMadeEndsNoEarlierOne: what is found does not depend on how many runs there are at one time.
func TestALaterRunThatCannotBeMadeEndsNoEarlierOne(t *testing.T) {
	broken := errors.New("broken")
	for _, workers := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			found, err := Hunt{
				Seeds: []uint64{1, 2}, Workers: workers,
				Wanted: func(r *reports.Result) bool { return true },
				Play: func(ctx context.Context, _ int, seed uint64) (*reports.Result, error) {
					if seed == 2 {
						return nil, broken
					}
					synctest.Wait() // until the other one's error is known
					return &reports.Result{Seed: seed}, ctx.Err()
				},
			}.Run(t.Context())
			if err != nil || found == nil || found.Seed != 1 {
				t.Errorf("%d at one time: %+v, %v", workers, found, err)
			}
		})
	}
}
