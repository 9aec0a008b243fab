package phash

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/draw"
)

// changes are what people do to a picture, by chance or to hide it.
var changes = []struct {
	name   string
	change func(t testing.TB, r *rand.Rand, m *image.RGBA) image.Image
}{
	{"half size", func(_ testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return scaled(m, 50) }},
	{"one and a half times the size", func(_ testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return scaled(m, 150) }},
	{"JPEG of quality 40", func(t testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return asJPEG(t, m, 40) }},
	{"border", func(_ testing.TB, r *rand.Rand, m *image.RGBA) image.Image { return framed(r, m) }},
	{"border, half size, JPEG of quality 40", func(t testing.TB, r *rand.Rand, m *image.RGBA) image.Image {
		return asJPEG(t, scaled(framed(r, m), 50), 40)
	}},
	{"JPEG of quality 40, half size, border, JPEG of quality 40", func(t testing.TB, r *rand.Rand, m *image.RGBA) image.Image {
		return asJPEG(t, framed(r, scaled(drawn(asJPEG(t, m, 40)), 50)), 40)
	}},
	{"brighter by 24 levels", func(_ testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return toned(m, 100, 24) }},
	{"darker by 24 levels", func(_ testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return toned(m, 100, -24) }},
	{"a fifth more contrast", func(_ testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return toned(m, 120, 0) }},
	{"a fifth less contrast", func(_ testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return toned(m, 80, 0) }},
	{"mirrored", func(_ testing.TB, _ *rand.Rand, m *image.RGBA) image.Image { return mirrored(m) }},
	{"mirrored, border, half size, JPEG of quality 40", func(t testing.TB, r *rand.Rand, m *image.RGBA) image.Image {
		return asJPEG(t, scaled(framed(r, mirrored(m)), 50), 40)
	}},
}

func scaled(m *image.RGBA, percent int) *image.RGBA {
	return fitted(m, m.Rect.Dx()*percent/100, m.Rect.Dy()*percent/100)
}

func fitted(m *image.RGBA, w, h int) *image.RGBA {
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.ApproxBiLinear.Scale(to, to.Rect, m, m.Rect, draw.Src, nil)
	return to
}

func asJPEG(t testing.TB, m image.Image, quality int) image.Image {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	decoded, err := jpeg.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// drawn draws a picture on white.
func drawn(m image.Image) *image.RGBA {
	to := image.NewRGBA(image.Rectangle{Max: m.Bounds().Size()})
	draw.Draw(to, to.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(to, to.Rect, m, m.Bounds().Min, draw.Over)
	return to
}

// framed puts a border of one colour around a picture, 1 to 4 % of it on each side, not the same on all.
func framed(r *rand.Rand, m *image.RGBA) *image.RGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	thick := func(side int) int { return max(1, side*(1+r.IntN(4))/100) }
	left, right, top, bottom := thick(w), thick(w), thick(h), thick(h)
	colour := anyColour(r)
	if n := r.IntN(4); n < 2 {
		colour = color.RGBA{uint8(255 * n), uint8(255 * n), uint8(255 * n), 255}
	}
	to := image.NewRGBA(image.Rect(0, 0, left+w+right, top+h+bottom))
	draw.Draw(to, to.Rect, image.NewUniform(colour), image.Point{}, draw.Src)
	draw.Draw(to, image.Rect(left, top, left+w, top+h), m, image.Point{}, draw.Src)
	return to
}

func toned(m *image.RGBA, percent, more int) *image.RGBA {
	to := image.NewRGBA(m.Rect)
	for i, v := range m.Pix {
		if to.Pix[i] = v; i%4 != 3 {
			to.Pix[i] = uint8(min(max((int(v)-128)*percent/100+128+more, 0), 255))
		}
	}
	return to
}

func mirrored(m *image.RGBA) *image.RGBA {
	to := image.NewRGBA(m.Rect)
	each(to, func(x, y int) color.RGBA { return m.RGBAAt(m.Rect.Dx()-1-x, y) })
	return to
}
