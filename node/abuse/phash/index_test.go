package phash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// scan is what an Index does, by looking at all.
func scan(all map[Hash]bool, asked ...Hash) []Match {
	var found []Match
	for h := range all {
		best := Match{Distance: Bits}
		for _, a := range asked {
			if a == (Hash{}) {
				continue
			}
			if d := Distance(a, h); d < best.Distance {
				best = Match{h, a, false, d}
			}
			if d := Distance(a.Mirrored(), h); d < best.Distance {
				best = Match{h, a, true, d}
			}
		}
		if best.Distance <= Radius {
			found = append(found, best)
		}
	}
	slices.SortFunc(found, func(a, b Match) int {
		if a.Distance != b.Distance {
			return a.Distance - b.Distance
		}
		return slices.Compare(a.Hash[:], b.Hash[:])
	})
	return found
}

// TestIndexFindsWhatAScanFinds: hashes around a few centres, at distances on both sides of the radius.
func TestIndexFindsWhatAScanFinds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x, all := NewIndex(), map[Hash]bool{}
		word := rapid.Uint64()
		centres := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Hash {
			return Hash{word.Draw(r, "0"), word.Draw(r, "1"), word.Draw(r, "2"), word.Draw(r, "3")}
		}), 1, 3).Draw(r, "centres")
		near := rapid.Custom(func(r *rapid.T) Hash {
			h := rapid.SampledFrom(centres).Draw(r, "centre")
			if rapid.Bool().Draw(r, "mirrored") {
				h = h.Mirrored()
			}
			for _, bit := range rapid.SliceOfNDistinct(rapid.IntRange(0, Bits-1), 0, Radius+10, rapid.ID).Draw(r, "flipped") {
				h[bit/64] ^= 1 << (bit % 64)
			}
			return h
		})
		r.Repeat(map[string]func(*rapid.T){
			"add": func(r *rapid.T) {
				h := near.Draw(r, "hash")
				if err := x.Add(h); (err != nil) != (h == Hash{}) {
					r.Fatal(err)
				} else if err == nil {
					all[h] = true
				}
			},
			"remove": func(r *rapid.T) {
				h := near.Draw(r, "hash")
				if known := sorted(all); len(known) > 0 && rapid.Bool().Draw(r, "known") {
					h = rapid.SampledFrom(known).Draw(r, "which")
				}
				if x.Remove(h) != all[h] {
					r.Fatalf("%s was there: %v", h, all[h])
				}
				delete(all, h)
			},
			"find": func(r *rapid.T) {
				asked := rapid.SliceOfN(near, 0, 3).Draw(r, "asked")
				got, want := x.Find(asked...), scan(all, asked...)
				if !slices.Equal(got, want) {
					r.Fatalf("found %v, not %v", got, want)
				}
			},
			"": func(r *rapid.T) {
				if x.Len() != len(all) {
					r.Fatalf("it has %d hashes, not %d", x.Len(), len(all))
				}
			},
		})
	})
}

func sorted(all map[Hash]bool) []Hash {
	var hashes []Hash
	for h := range all {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
	return hashes
}

// TestRadiusIsExact: of hashes at each distance those within the radius are found.
func TestRadiusIsExact(t *testing.T) {
	x, centre := NewIndex(), Hash{1, 2, 3, 4}
	far := centre
	for d := 1; d <= Radius+1; d++ {
		far[d%4] ^= 1 << (10 + d/4)
		if Distance(centre, far) != d {
			t.Fatalf("the hash for distance %d has %d", d, Distance(centre, far))
		}
		if err := x.Add(far); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(x.Find(centre)); n != Radius {
		t.Errorf("%d of %d are found", n, Radius)
	}
}

func TestNoHashMatchesNothing(t *testing.T) {
	x := NewIndex()
	if err := x.Add(Hash{}); err == nil {
		t.Error("it was added")
	}
	if err := x.Add(Hash{1}); err != nil {
		t.Fatal(err)
	}
	if m := x.Find(Hash{}); len(m) != 0 {
		t.Errorf("it found %v", m)
	}
}

// random returns random hashes, always the same.
func random(n int) []Hash {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]Hash, n)
	for i := range all {
		all[i] = Hash{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
	}
	return all
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		all, x := random(n), NewIndex()
		for _, h := range all {
			if err := x.Add(h); err != nil {
				b.Fatal(err)
			}
		}
		asked := random(n + 1000)[n:]
		b.Run(fmt.Sprintf("index of %d", n), func(b *testing.B) {
			for i := range b.N {
				x.Find(asked[i%len(asked)])
			}
		})
		b.Run(fmt.Sprintf("scan of %d", n), func(b *testing.B) {
			found := 0
			for i := range b.N {
				a := asked[i%len(asked)]
				m := a.Mirrored()
				for _, h := range all {
					if Distance(h, a) <= Radius || Distance(h, m) <= Radius {
						found++
					}
				}
			}
		})
	}
}

func BenchmarkAddRemove(b *testing.B) {
	x := NewIndex()
	for _, h := range random(100_000) {
		if err := x.Add(h); err != nil {
			b.Fatal(err)
		}
	}
	h := Hash{1, 2, 3, 4}
	for b.Loop() {
		if err := x.Add(h); err != nil {
			b.Fatal(err)
		}
		x.Remove(h)
	}
}
