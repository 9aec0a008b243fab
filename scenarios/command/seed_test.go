package command

import (
	"slices"
	"testing"
)

func TestASeedIsPickedOnlyWhereNoneIsGiven(t *testing.T) {
	for _, args := range [][]string{{}, {"-seed", "0"}, {"-seed=7"}, {"-other", "7"}} {
		f := flags("sim", "")
		f.Uint64("seed", 0, "")
		f.Uint64("other", 0, "")
		if err := f.Parse(args); err != nil {
			t.Fatal(err)
		}
		if want := slices.ContainsFunc(args, func(a string) bool { return a == "-seed" || a == "-seed=7" }); given(f, "seed") != want {
			t.Errorf("%q: given %v, want %v", args, !want, want)
		}
	}
	seen := map[uint64]bool{}
	for range 20 {
		seed := randomSeed()
		if seed < 1 || seed > 999_999 {
			t.Errorf("the seed %d is not short", seed)
		}
		seen[seed] = true
	}
	if len(seen) < 2 {
		t.Errorf("all seeds are %v", seen)
	}
}
