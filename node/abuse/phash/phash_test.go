package phash

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlainPicturesHaveNoHash(t *testing.T) {
	grey := func(colour func(x, y int) int) image.Image {
		m := image.NewGray(image.Rect(0, 0, 300, 200))
		for y := range 200 {
			for x := range 300 {
				m.SetGray(x, y, color.Gray{uint8(colour(x, y))})
			}
		}
		return m
	}
	r := rand.New(rand.NewPCG(1, 1))
	for name, m := range map[string]image.Image{
		"empty":             image.NewRGBA(image.Rectangle{}),
		"without width":     image.NewRGBA(image.Rect(0, 0, 0, 5)),
		"one point":         image.NewGray(image.Rect(7, 7, 8, 8)),
		"transparent":       image.NewNRGBA(image.Rect(0, 0, 50, 50)),
		"one colour":        grey(func(x, y int) int { return 80 }),
		"noise":             grey(func(x, y int) int { return 80 + r.IntN(5) }),
		"gradient":          grey(func(x, y int) int { return x * 255 / 300 }),
		"gradient, aslant":  grey(func(x, y int) int { return (x + y) * 255 / 500 }),
		"bars":              grey(func(x, y int) int { return x / 50 % 2 * 255 }),
		"one half is white": grey(func(x, y int) int { return y / 100 * 255 }),
	} {
		if h := Of(m); len(h) > 0 {
			t.Errorf("%s: it has the hash %s", name, h)
		}
		if h := Of(asJPEG(t, drawnOr(m), 40)); len(h) > 0 {
			t.Errorf("%s, as JPEG: it has the hash %s", name, h)
		}
	}
}

// drawnOr draws a picture, and one point where there is none: there are no empty JPEGs.
func drawnOr(m image.Image) image.Image {
	if m.Bounds().Empty() {
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	return drawn(m)
}

// golden holds the hashes of pictures that are drawn with integers only. If this fails the hashes of block lists that exist
// are worth nothing: a change that means it must make such lists anew, and put here what the failure prints.
var golden = map[string][]string{
	"chart": {
		"5ab3def4e0c99560536264da1a506f2b8dcd782f12d4e2b325ccb5afd1d25e50",
		"5c913326adeaac782ff7dbd4ad11a26560bd9e204e9421b7dd39e52c7a26dad8",
		"eec1a726c5f8267d4ff7dd1ca531a22520998e024cd2b1b3dd28b7acfa22fbd8",
	},
	"shapes": {
		"7bfc9bcce633993461b9824413b38c7cce6d36443632e9c7e1cce363c4c64685",
		"3dfc59ccf639dd9431b9c3449abb8c7cef2d1644b21268c7e4cc332366c6ca85",
		"1dfeadec7b19ec9098996144c99bc63c67258b20d91a34c7f0e639333246e145",
	},
	"text": {
		"ea119ac1dd766a8c2a91d47ec5652a990556840d79323a9355e9804c0e93aa98",
		"41591aa62cbe375d7ce35feea7a5f05f1faa0a3d69b2f2550da0927c3cd39a5d",
		"485b1aa624be375d5ce35feea785f05f1faa0a3d69b2d2550da8927c3cd39a5d",
	},
	"tiles": {
		"65ded9c898786ef67d18cf9a8db4524b306582efd91d670f65279ea12d5033fc",
		"e5d8d3c811e0ecf6e418ce3239a4c64b33cd1aef131dec0f2c271881e950f7b4",
		"be61af91be6360e779e799fcb57880b6672498db7d4d4a8f6681a6919c5a440c",
	},
}

func TestGoldenHashes(t *testing.T) {
	for name, n := range map[string]int{"shapes": 2, "text": 3, "tiles": 5, "chart": 9} {
		var got []string
		for _, h := range Of(picture(n)) {
			got = append(got, h.String())
		}
		if strings.Join(got, " ") != strings.Join(golden[name], " ") {
			t.Errorf("%q: {\"%s\"},", name, strings.Join(got, "\", \""))
		}
	}
}

// TestAllKindsOfImagesAreReadAlike: how a picture lies in memory, and where its corner is, makes no difference.
func TestAllKindsOfImagesAreReadAlike(t *testing.T) {
	from := picture(4)
	want := ForList(from)
	if len(want) == 0 {
		t.Fatal("the picture has no hash")
	}
	moved := image.NewNRGBA(from.Rect.Add(image.Pt(-13, 29)))
	deep := image.NewRGBA64(from.Rect)
	for y := range from.Rect.Dy() {
		for x := range from.Rect.Dx() {
			moved.Set(x-13, y+29, from.At(x, y))
			deep.Set(x, y, from.At(x, y))
		}
	}
	for name, m := range map[string]image.Image{"moved": moved, "deep": deep, "of another program": struct{ image.Image }{from}} {
		if got := Of(m); len(got) != len(want) || got[0] != want[0] {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	if d := Distance(want[0], Of(asJPEG(t, from, 95))[0]); d > 4 {
		t.Errorf("as JPEG the distance is %d", d)
	}
}

// TestLargePicturesLookLikeSmallOnes, although not all of their pixels are read.
func TestLargePicturesLookLikeSmallOnes(t *testing.T) {
	for n := 2; n < 8; n++ {
		m := picture(n)
		if d := closest(ForList(m), Of(scaled(m, 700))); d > Radius/2 {
			t.Errorf("picture %d, seven times as large: the distance is %d", n, d)
		}
	}
}

// slow is the transform as its definition says it.
func slow(s *square) (c [waves * waves]float64) {
	var wave [waves][side]float64
	for u := range wave {
		for x := range wave[u] {
			wave[u][x] = math.Cos(math.Pi * (float64(x) + 0.5) * float64(u+1) / side)
		}
	}
	for i := range c {
		for j, v := range s {
			c[i] += float64(v) * wave[i%waves][j%side] * wave[i/waves][j/side]
		}
	}
	return c
}

func TestTransformIsTheDefinitions(t *testing.T) {
	for i, c := range cosines {
		if exact := one * math.Cos(math.Pi*float64(i)/(2*side)); math.Abs(exact-float64(c)) > 0.5001 {
			t.Errorf("cosine %d is %d, not %f", i, c, exact)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		var s square
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		for i := range s {
			s[i] = random.Int64N(255*256 + 1)
		}
		c, want := transform(&s), slow(&s)
		for i := range c {
			if got := float64(c[i]) / one / one; math.Abs(got-want[i]) > 40*256 {
				r.Fatalf("coefficient %d is %f, not %f", i, got, want[i])
			}
		}
	})
}

// TestMirroredHash is exactly that of the mirrored picture where no coefficient is zero.
func TestMirroredHash(t *testing.T) {
	for n := range 24 {
		h, m := Of(picture(n)), Of(mirrored(picture(n)))
		if len(h) > 0 && Distance(h[0].Mirrored(), m[0]) > 1 {
			t.Errorf("picture %d: the distance is %d", n, Distance(h[0].Mirrored(), m[0]))
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.Uint64()
		h := Hash{word.Draw(r, "0"), word.Draw(r, "1"), word.Draw(r, "2"), word.Draw(r, "3")}
		if h.Mirrored().Mirrored() != h || Distance(h, h.Mirrored()) != Bits/2 {
			r.Fatal(h)
		}
	})
}

func TestShrinkKeepsTheMean(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w, h := rapid.IntRange(1, 200).Draw(r, "w"), rapid.IntRange(1, 200).Draw(r, "h")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		a := raster{pix: make([]uint8, w*h), stride: w, x1: w, y1: h}
		sum := 0.0
		for i := range a.pix {
			a.pix[i] = uint8(random.IntN(256))
			sum += float64(a.pix[i])
		}
		got := 0.0
		for _, v := range a.shrink() {
			got += float64(v)
		}
		if got, want := got/side/side/256, sum/float64(w*h); math.Abs(got-want) > 1.0/256 {
			r.Fatalf("the mean is %f, not %f", got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(Hash{1, 2, 3, 4}.String())
	f.Add(strings.Repeat("0", 64))
	f.Add("12")
	f.Add(strings.Repeat("g", 64))
	f.Fuzz(func(t *testing.T, text string) {
		h, err := Parse(text)
		if err == nil && (h.String() != strings.ToLower(text) || h == Hash{}) {
			t.Errorf("%q is read as %s", text, h)
		}
		if again, err := Parse(h.String()); h != (Hash{}) && (err != nil || again != h) {
			t.Errorf("%s is read as %s, %v", h, again, err)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	m := drawn(picture(4))
	for name, m := range map[string]image.Image{
		"JPEG of 320 x 240":   asJPEG(b, fitted(m, 320, 240), 85),
		"JPEG of 1024 x 768":  asJPEG(b, fitted(m, 1024, 768), 85),
		"RGBA of 1024 x 768":  fitted(m, 1024, 768),
		"JPEG of 6000 x 4000": asJPEG(b, fitted(m, 6000, 4000), 85),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Of(m)
			}
		})
	}
}
