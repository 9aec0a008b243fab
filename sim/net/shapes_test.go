package net

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("pi-%02d", i+1)
	}
	return all
}

func TestShapes(t *testing.T) {
	five := names(5)
	for _, c := range []struct {
		name string
		cut  Partition
		want string
	}{
		{"one way", OneWay(five[:1], five[1:2]), "[{pi-01 pi-02}]"},
		{"isolate", Isolate(five[:3], "pi-02"), "[{pi-01 pi-02} {pi-02 pi-01} {pi-02 pi-03} {pi-03 pi-02}]"},
		{"minority third of four", MinorityThird(five[:4]), "[{pi-01 pi-02} {pi-01 pi-03} {pi-01 pi-04} {pi-02 pi-01} {pi-03 pi-01} {pi-04 pi-01}]"},
		{"majority of three", MajoritySplit(five[:3]), "[{pi-01 pi-03} {pi-02 pi-03} {pi-03 pi-01} {pi-03 pi-02}]"},
		{"bridge of three", Bridge(five[:3]), "[{pi-01 pi-03} {pi-03 pi-01}]"},
		{"ring of three", MajoritiesRing(five[:3]), "[]"},
		{"ring of four", MajoritiesRing(five[:4]), "[{pi-01 pi-03} {pi-02 pi-04} {pi-03 pi-01} {pi-04 pi-02}]"},
		{"ring of five", MajoritiesRing(five), "[{pi-01 pi-03} {pi-01 pi-04} {pi-02 pi-04} {pi-02 pi-05} {pi-03 pi-01} {pi-03 pi-05} {pi-04 pi-01} {pi-04 pi-02} {pi-05 pi-02} {pi-05 pi-03}]"},
		{"nobody", Bridge(nil), "[]"},
	} {
		if got := fmt.Sprint(c.cut.Pairs()); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestMajoritiesRing: everybody sees a majority with itself in it, no two the same, and sight is
// mutual.
func TestMajoritiesRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := names(rapid.IntRange(4, 40).Draw(t, "machines"))
		cut := MajoritiesRing(all).Pairs()
		seen := map[string]bool{}
		for _, h := range all {
			var sight []string
			for _, other := range all {
				if !slices.Contains(cut, Pair{h, other}) {
					sight = append(sight, other)
				}
				if slices.Contains(cut, Pair{h, other}) != slices.Contains(cut, Pair{other, h}) {
					t.Fatalf("%s and %s disagree", h, other)
				}
			}
			if len(sight) <= len(all)/2 || len(sight) == len(all) {
				t.Fatalf("%s sees %d of %d", h, len(sight), len(all))
			}
			if seen[fmt.Sprint(sight)] {
				t.Fatalf("%s sees what another sees", h)
			}
			seen[fmt.Sprint(sight)] = true
		}
	})
}
