package phash

import (
	"flag"
	"image"
	_ "image/gif"
	_ "image/png"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	pictures = flag.Int("pictures", 120, "how many pictures are drawn and compared; DESIGN.md has the figures of 5040")
	copies   = flag.Int("copies", 120, "of how many of them copies are made")
	folders  = flag.String("folders", "", "folders, with colons between, whose pictures are compared beside those that are drawn")
)

// closest returns the least distance between any hash of one picture and any of another, or of its mirror image.
func closest(a, b []Hash) int {
	best := Bits
	for _, h := range a {
		for _, g := range b {
			best = min(best, Distance(h, g), Distance(h, g.Mirrored()))
		}
	}
	return best
}

// seen is a picture: its hashes for a list and for a question, and the distances of its changed copies.
type seen struct {
	list, ask []Hash
	changed   []int
}

func see(t *testing.T, n uint64, m *image.RGBA) seen {
	s := seen{list: ForList(m), ask: Of(m)}
	if len(s.list) == 0 || n >= uint64(*copies) {
		return s
	}
	for i, c := range changes {
		r := rand.New(rand.NewPCG(n, uint64(i)))
		s.changed = append(s.changed, closest(s.list, Of(c.change(t, r, m))))
	}
	return s
}

// TestCopiesMatchAndOthersDoNot: of each change, at least 99 in 100 copies are found, and no pictures that were drawn apart
// match. Run with -v -args -pictures 5040 -copies 1260 it prints DESIGN.md's figures.
func TestCopiesMatchAndOthersDoNot(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector makes minutes of it, and its workers share nothing")
	}
	all := make([]seen, *pictures)
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(all); i += workers {
				all[i] = see(t, uint64(i), picture(i))
			}
		})
	}
	group.Wait()
	judgeCopies(t, all, 99)
	judgeOthers(t, all)
}

// judgeCopies fails for a change of which fewer copies than a percentage are found.
func judgeCopies(t *testing.T, all []seen, least int) {
	for i, c := range changes {
		var distances []int
		for _, s := range all {
			if len(s.changed) > 0 {
				distances = append(distances, s.changed[i])
			}
		}
		slices.Sort(distances)
		found, _ := slices.BinarySearch(distances, Radius+1)
		part := func(ppm int) int { return distances[len(distances)*ppm/1_000_000] }
		t.Logf("%-58s found %6.2f %% of %d; distance: half %d, 95 %% %d, 99 %% %d", c.name,
			100*float64(found)/float64(len(distances)), len(distances), part(500_000), part(950_000), part(990_000))
		if 100*found < least*len(distances) {
			t.Errorf("%s: %d of %d copies are found", c.name, found, len(distances))
		}
	}
}

// judgeOthers fails if more than one pair in a million matches.
func judgeOthers(t *testing.T, all []seen) {
	var counts [Bits + 1]int
	pairs, matched, unlisted, unasked := 0, 0, 0, 0
	for i := range all {
		if len(all[i].ask) == 0 {
			unasked++
		}
		if len(all[i].list) == 0 {
			unlisted++
			continue
		}
		for j := range all {
			if i == j || len(all[j].ask) == 0 || len(all[j].list) > 0 && j < i {
				continue
			}
			pairs++
			d := closest(all[i].list, all[j].ask)
			if counts[d]++; d <= Radius {
				matched++
				t.Logf("the pictures %d and %d, %s, have the distance %d", i, j, painters[i%len(painters)].name, d)
			}
		}
	}
	t.Logf("of %d pictures %d have too little detail to be listed, %d too little to be looked up; %d pairs", len(all), unlisted, unasked, pairs)
	if 1_000_000*matched > pairs {
		t.Errorf("%d of %d pairs match", matched, pairs)
	}
	sum, next := 0, 1
	for d, n := range counts {
		if sum += n; sum >= next {
			t.Logf("%d pairs have a distance of at most %d", sum, d)
			for next <= sum {
				next *= 10
			}
		}
	}
}

// TestRealPictures looks at files: copies of each must be found. What matches is printed, since pictures of a machine are often copies
// of one another.
func TestRealPictures(t *testing.T) {
	if *folders == "" {
		t.Skip("-folders names none")
	}
	var names []string
	var all []seen
	for _, folder := range strings.Split(*folders, ":") {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			file, err := os.Open(name)
			if err != nil {
				return err
			}
			defer file.Close()
			m, _, err := image.Decode(file)
			if err != nil || m.Bounds().Dx() < 80 || m.Bounds().Dy() < 80 {
				return nil // no picture, or an icon
			}
			names, all = append(names, name), append(all, see(t, uint64(len(all)), drawn(m)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	judgeCopies(t, all, 95)
	for i := range all {
		for j := range i {
			if d := closest(all[i].list, all[j].ask); d <= 80 && len(all[i].list) > 0 {
				t.Logf("distance %d: %s and %s", d, filepath.Base(names[j]), filepath.Base(names[i]))
			}
		}
	}
}
