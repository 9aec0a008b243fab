package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"picloud/node/api"
)

var (
	red   = color.RGBA{220, 20, 20, 255}
	green = color.RGBA{20, 220, 20, 255}
	blue  = color.RGBA{20, 20, 220, 255}
	white = color.RGBA{255, 255, 255, 255}
)

// quarters is a picture of four colours: red and green above, blue and white below.
func quarters(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, [2][2]color.RGBA{{red, green}, {blue, white}}[2*y/h][2*x/w])
		}
	}
	return m
}

func asPNG(t *testing.T, m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t *testing.T, m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asGIF(t *testing.T, m image.Image) []byte {
	p := image.NewPaletted(m.Bounds(), palette.WebSafe)
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			p.Set(x, y, m.At(x, y))
		}
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{p, image.NewPaletted(p.Rect, palette.WebSafe)}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// corners returns the colours in the middle of the four quarters, as one letter each.
func corners(t *testing.T, file []byte) string {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	w, h, text := m.Bounds().Dx(), m.Bounds().Dy(), ""
	for _, at := range [][2]int{{1, 1}, {3, 1}, {1, 3}, {3, 3}} {
		r, g, b, _ := m.At(at[0]*w/4, at[1]*h/4).RGBA()
		high := func(c uint32) bool { return c > 0x8000 }
		switch {
		case high(r) && high(g) && high(b):
			text += "w"
		case high(r):
			text += "r"
		case high(g):
			text += "g"
		default:
			text += "b"
		}
	}
	return text
}

func TestPicturesOfAllFormatsAndShapes(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		w, h int
	}{
		"small PNG stays":        {asPNG(t, quarters(60, 40)), 60, 40},
		"wide PNG":               {asPNG(t, quarters(1000, 500)), 100, 50},
		"high PNG":               {asPNG(t, quarters(300, 900)), 33, 100},
		"one that is not halved": {asPNG(t, quarters(150, 150)), 100, 100},
		"JPEG":                   {asJPEG(t, quarters(640, 480)), 100, 75},
		"GIF, its first frame":   {asGIF(t, quarters(400, 400)), 100, 100},
		"a line":                 {asPNG(t, quarters(4000, 2)), 100, 1},
	} {
		p, err := Convert(c.file, 100, 1<<20)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Width != c.w || p.Height != c.h {
			t.Errorf("%s: it has %d x %d, not %d x %d", name, p.Width, p.Height, c.w, c.h)
		}
		if got := corners(t, p.JPEG); got != "rgbw" && c.h > 1 {
			t.Errorf("%s: its quarters are %s", name, got)
		}
	}
}

func TestWhatIsTransparentIsWhite(t *testing.T) {
	m := quarters(40, 40)
	for y := range 20 {
		for x := range 20 {
			m.Set(x, y, color.RGBA{})
		}
	}
	p, err := Convert(asPNG(t, m), 100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if got := corners(t, p.JPEG); got != "wgbw" {
		t.Errorf("its quarters are %s", got)
	}
}

// noise is a picture that no encoder makes small.
func noise(w, h int) *image.RGBA {
	m, seed := image.NewRGBA(image.Rect(0, 0, w, h)), uint32(1)
	for i := range m.Pix {
		seed = seed*1664525 + 1013904223
		m.Pix[i] = byte(seed>>24) | byte(i%4/3*255)
	}
	return m
}

func TestQualityGivesWayToSize(t *testing.T) {
	file := asPNG(t, noise(300, 300))
	fine, err := Convert(file, 300, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	coarse, err := Convert(file, 300, len(fine.JPEG)*2/3)
	if err != nil {
		t.Fatal(err)
	}
	if len(coarse.JPEG) > len(fine.JPEG)*2/3 {
		t.Errorf("%d bytes, where %d may be", len(coarse.JPEG), len(fine.JPEG)*2/3)
	}
	if _, err := Convert(file, 300, 1000); api.KindOf(err) != api.TooLarge {
		t.Errorf("what cannot be made small enough: %v", err)
	}
}

// exif returns a segment that says an orientation, and where a picture was taken.
func exif(order binary.AppendByteOrder, mark string, orientation uint16) []byte {
	tiff := order.AppendUint32(order.AppendUint16([]byte(mark), 42), 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, entry := range [][3]uint16{{0x010f, 3, 7}, {0x0112, 3, orientation}} {
		tiff = order.AppendUint16(order.AppendUint16(tiff, entry[0]), entry[1])
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(order.AppendUint16(tiff, entry[2]), 0)
	}
	tiff = append(order.AppendUint32(tiff, 0), "taken at home"...)
	body := append([]byte("Exif\x00\x00"), tiff...)
	return append(binary.BigEndian.AppendUint16([]byte{0xff, markerAPP1}, uint16(len(body)+2)), body...)
}

// with puts a segment at the beginning of a JPEG.
func with(file, segment []byte) []byte {
	return append(append(bytes.Clone(file[:2]), segment...), file[2:]...)
}

// TestPicturesStandUpright, and do not say where they were taken.
func TestPicturesStandUpright(t *testing.T) {
	file := asJPEG(t, quarters(80, 40))
	for orientation, want := range []string{1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb", 9: "rgbw"} {
		if orientation == 0 {
			continue
		}
		for mark, order := range map[string]binary.AppendByteOrder{"MM": binary.BigEndian, "II": binary.LittleEndian} {
			p, err := Convert(with(file, exif(order, mark, uint16(orientation))), 40, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if got := corners(t, p.JPEG); got != want {
				t.Errorf("orientation %d, %s: its quarters are %s, not %s", orientation, mark, got, want)
			}
			if lies := p.Height > p.Width; lies != (orientation >= 5 && orientation <= 8) {
				t.Errorf("orientation %d: it has %d x %d", orientation, p.Width, p.Height)
			}
			if bytes.Contains(p.JPEG, []byte("taken at home")) || bytes.Contains(p.JPEG, []byte("Exif")) {
				t.Error("what lay in the original's file is in the picture")
			}
		}
	}
}

// bombPNG is a file of some 100 bytes whose header promises a picture.
func bombPNG(w, h uint32, depth, colours byte) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	head = append(binary.BigEndian.AppendUint32(head, h), depth, colours, 0, 0, 0)
	file := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(head))
}

// interlaced returns a PNG whose header says that it comes in seven passes.
func interlaced(file []byte) []byte {
	head := file[12:29]
	head[16] = 1
	return binary.BigEndian.AppendUint32(file[:29], crc32.ChecksumIEEE(head))
}

// bombJPEG is a file whose header promises a picture of three components, sampled 4:4:4.
func bombJPEG(w, h uint16, marker byte) []byte {
	file := append([]byte{0xff, 0xd8, 0xff, marker, 0, 17, 8}, byte(h>>8), byte(h), byte(w>>8), byte(w), 3)
	for i := range byte(3) {
		file = append(file, i+1, 0x11, 0)
	}
	return append(file, 0xff, markerSOS, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0)
}

// TestBombsAreRefusedByTheirHeaders: none of these is whole, so one that is refused for that was decoded.
func TestBombsAreRefusedByTheirHeaders(t *testing.T) {
	gifBomb := append([]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), bytes.Repeat([]byte{0}, 20)...)
	for name, c := range map[string]struct {
		file []byte
		kind api.Kind
		want string
	}{
		"PNG of 50000 x 50000":         {bombPNG(50000, 50000, 8, 2), api.TooLarge, "pixels, the limit"},
		"PNG of one line too long":     {bombPNG(1<<31-1, 1, 8, 2), api.TooLarge, "pixels, the limit"},
		"PNG of 30 megapixels, deep":   {bombPNG(6000, 5000, 16, 6), api.TooLarge, "take 8 bytes each"},
		"PNG of 30 MP, interlaced":     {interlaced(bombPNG(6000, 5000, 8, 6)), api.TooLarge, "take 8 bytes each"},
		"JPEG of 65535 x 65535":        {bombJPEG(65535, 65535, markerSOF0), api.TooLarge, "pixels, the limit"},
		"JPEG of 30 MP, progressive":   {bombJPEG(6000, 5000, markerSOF2), api.TooLarge, "take 15 bytes each"},
		"JPEG of 30 MP is decoded":     {bombJPEG(6000, 5000, markerSOF0), api.BadRequest, "Huffman"},
		"GIF of 65535 x 65535":         {gifBomb, api.TooLarge, "pixels, the limit"},
		"PNG without pixels":           {bombPNG(0, 5, 8, 2), api.BadRequest, "non-positive dimension"},
		"a text":                       {[]byte("<svg onload=alert(1)>"), api.BadRequest, "no PNG, JPEG or GIF"},
		"nothing":                      {nil, api.BadRequest, "no PNG, JPEG or GIF"},
		"half of a PNG":                {asPNG(t, quarters(90, 90))[:100], api.BadRequest, "not enough pixel data"},
		"a JPEG's header that is odd":  {append([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1, 9}, bombJPEG(6000, 5000, markerSOF0)[2:]...), api.TooLarge, "take 24 bytes each"},
		"a frame after a strange mark": {append([]byte{0xff, 0xd8, 0xff, 0xff}, bombJPEG(6000, 5000, markerSOF0)[2:]...), api.TooLarge, "take 24 bytes each"},
	} {
		_, err := Convert(c.file, 100, 1<<20)
		if api.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, where %s with %q is expected", name, err, c.kind, c.want)
		}
	}
}

// FuzzConvert takes small pictures only: the limits of large ones stand above.
func FuzzConvert(f *testing.F) {
	t := &testing.T{}
	for _, m := range []image.Image{quarters(8, 8), noise(9, 3)} {
		f.Add(asPNG(t, m))
		f.Add(asGIF(t, m))
		f.Add(with(asJPEG(t, m), exif(binary.BigEndian, "MM", 6)))
	}
	f.Add(bombJPEG(8, 8, markerSOF2))
	f.Fuzz(func(t *testing.T, file []byte) {
		readJPEG(file)
		if c, _, err := image.DecodeConfig(bytes.NewReader(file)); err == nil && (c.Width > 200 || c.Height > 200) {
			return
		}
		p, err := Convert(file, 20, 1<<20)
		if err != nil {
			if k := api.KindOf(err); k != api.BadRequest && k != api.TooLarge {
				t.Fatal(err)
			}
			return
		}
		c, format, err := image.DecodeConfig(bytes.NewReader(p.JPEG))
		if err != nil || format != "jpeg" || c.Width != p.Width || c.Height != p.Height || max(c.Width, c.Height) > 20 {
			t.Fatalf("%v %s %v", c, format, err)
		}
	})
}
