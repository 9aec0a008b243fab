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
var golden = map[string][]string{}

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
