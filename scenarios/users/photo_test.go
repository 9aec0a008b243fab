package users

import (
	"bytes"
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"picloud/node/abuse/phash"
)

// TestBadPicturesAreRecognised: whatever is made of a picture of a family, people know which it is, and no other photo is taken for one.
func TestBadPicturesAreRecognised(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for family := range families {
		for way := range variants {
			file, err := variant(familyMotif(family).draw(r), way)
			if err != nil {
				t.Fatal(err)
			}
			if got := recognise(file); !slices.Equal(got, []int{family}) {
				t.Errorf("variant %d of family %d is taken for %v", way, family, got)
			}
		}
	}
	for range 50 {
		file, err := variant(motif(r.Uint64()).draw(r), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := recognise(file); len(got) > 0 {
			t.Errorf("an honest photo is taken for %v", got)
		}
	}
	if got := recognise([]byte("no picture")); got != nil {
		t.Errorf("what is no picture is taken for %v", got)
	}
}

// TestBadPicturesLookAlike: the list can find each variant of what is on it, and does not take honest photos for it.
func TestBadPicturesLookAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	looks := func(m motif, way int) []phash.Hash {
		file, err := variant(m.draw(r), way)
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := image.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		return phash.Of(p)
	}
	nearest := func(a, b []phash.Hash) int {
		least := phash.Bits
		for _, x := range a {
			for _, y := range b {
				least = min(least, phash.Distance(x, y), phash.Distance(x, y.Mirrored()))
			}
		}
		return least
	}
	farthest, closest := 0, phash.Bits
	for family := range families {
		listed := phash.ForList(familyMotif(family).draw(r))
		if len(listed) == 0 {
			t.Fatalf("family %d has too little detail for a list", family)
		}
		for way := range variants {
			farthest = max(farthest, nearest(listed, looks(familyMotif(family), way)))
		}
		for range 100 {
			closest = min(closest, nearest(listed, looks(motif(r.Uint64()), r.IntN(variants))))
		}
	}
	t.Logf("variants differ in up to %d of %d bits, other photos in %d or more", farthest, phash.Bits, closest)
	if farthest > phash.Radius/2 || closest <= phash.Radius {
		t.Errorf("variants differ in up to %d bits, and other photos in %d or more: a list that looks as far as %d cannot tell them apart", farthest, closest, phash.Radius)
	}
}
