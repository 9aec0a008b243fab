package chaos

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestShrinkFindsTheFaultsThatMatter(t *testing.T) {
	whole := generate(t, fiveNodes(), 1)
	rapid.Check(t, func(t *rapid.T) {
		need := map[string]bool{}
		for range rapid.IntRange(1, 4).Draw(t, "needed") {
			need[whole[rapid.IntRange(0, len(whole)-1).Draw(t, "fault")].Name()] = true
		}
		runs := 0
		small := Shrink(whole, 1000, func(s Schedule) bool {
			runs++
			met := 0
			for i := range s {
				if need[s[i].Name()] {
					met++
				}
			}
			return met == len(need)
		})
		if len(small) != len(need) {
			t.Fatalf("%d faults matter, %d are left after %d runs:\n%s", len(need), len(small), runs, small)
		}
		if runs > 150 {
			t.Fatalf("%d runs to shrink %d faults", runs, len(whole))
		}
	})
}

func TestShrinkAtItsEdges(t *testing.T) {
	whole := generate(t, fiveNodes(), 1)
	same := func(s Schedule) bool {
		return slices.EqualFunc(s, whole, func(a, b Fault) bool { return a.String() == b.String() })
	}
	if s := Shrink(whole, 1000, func(Schedule) bool { return false }); !same(s) {
		t.Error("a schedule that does not fail was changed")
	}
	if s := Shrink(whole, 1000, func(Schedule) bool { return true }); len(s) != 0 {
		t.Errorf("a run that fails without any fault keeps\n%s", s)
	}
	runs := 0
	Shrink(whole, 7, func(s Schedule) bool { runs++; return len(s) > 3 })
	if runs > 7 {
		t.Errorf("%d runs, 7 were allowed", runs)
	}
}
