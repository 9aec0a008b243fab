package phash

import (
	"image"
	"image/color"
)

// mostSide is the longest side of a raster.
const mostSide = 512

// raster holds the brightness of a picture, 0 to 255, and the rectangle of it that counts.
type raster struct {
	pix            []uint8
	stride         int
	x0, y0, x1, y1 int
}

// read makes a raster of a picture that is not empty: of its pixels, or, where a side is longer than a raster's, of the mean of
// two of each stretch along it.
func read(m image.Image) *raster {
	b, bright := m.Bounds(), brightness(m)
	across, down := points(b.Min.X, b.Dx()), points(b.Min.Y, b.Dy())
	r := &raster{pix: make([]uint8, 0, len(across)*len(down)), stride: len(across), x1: len(across), y1: len(down)}
	single := len(across) == b.Dx() && len(down) == b.Dy()
	for _, y := range down {
		for _, x := range across {
			if single {
				r.pix = append(r.pix, bright(x[0], y[0]))
				continue
			}
			sum := int(bright(x[0], y[0])) + int(bright(x[1], y[0])) + int(bright(x[0], y[1])) + int(bright(x[1], y[1]))
			r.pix = append(r.pix, uint8((sum+2)/4))
		}
	}
	return r
}

// points returns which two pixels of a side of n stand for each point of the raster.
func points(from, n int) [][2]int {
	all := make([][2]int, min(n, mostSide))
	for i := range all {
		start, end := int64(i)*int64(n)/int64(len(all)), int64(i+1)*int64(n)/int64(len(all))
		all[i] = [2]int{from + int(start+(end-start)/4), from + int(start+(end-start)*3/4)}
	}
	return all
}

// brightness returns what tells the brightness of a pixel, 0 to 255. JPEGs and what was drawn have quicker ways.
func brightness(m image.Image) func(x, y int) uint8 {
	switch m := m.(type) {
	case *image.YCbCr:
		return func(x, y int) uint8 { return m.Y[m.YOffset(x, y)] }
	case *image.RGBA:
		return func(x, y int) uint8 {
			p := m.Pix[m.PixOffset(x, y):][:4]
			return luma(uint32(p[0])*0x101, uint32(p[1])*0x101, uint32(p[2])*0x101, uint32(p[3])*0x101)
		}
	case image.RGBA64Image:
		return func(x, y int) uint8 {
			c := m.RGBA64At(x, y)
			return luma(uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A))
		}
	}
	return func(x, y int) uint8 {
		c := color.RGBA64Model.Convert(m.At(x, y)).(color.RGBA64)
		return luma(uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A))
	}
}

// luma returns the brightness of a colour on white, with JPEG's weights (ITU-T T.871). The colour is premultiplied with its
// alpha, as image/color says.
func luma(r, g, b, a uint32) uint8 {
	white := 0xffff - a
	return uint8((19595*(r+white) + 38470*(g+white) + 7471*(b+white) + 1<<15) >> 24)
}

// shrink makes a square of the raster: each of its values is the mean of what lies under it.
func (r *raster) shrink() *square {
	w, h := int64(r.x1-r.x0), int64(r.y1-r.y0)
	rows := make([][side]int64, h)
	for y := range rows {
		line := r.pix[(r.y0+y)*r.stride+r.x0:][:w]
		spread(w, func(i, x, part int64) { rows[y][i] += part * int64(line[x]) })
	}
	var s square
	spread(h, func(i, y, part int64) {
		for x, sum := range rows[y] {
			s[i*side+int64(x)] += part * sum
		}
	})
	for i, sum := range s {
		s[i] = sum * 256 / (w * h)
	}
	return &s
}

// spread says which parts of n pixels lie under each of side values: of value i, pixel p counts part of n.
func spread(n int64, tell func(i, p, part int64)) {
	for i := range int64(side) {
		start, end := i*n, (i+1)*n // in units of a pixel's side-th
		for p := start / side; p*side < end; p++ {
			tell(i, p, min(end, (p+1)*side)-max(start, p*side))
		}
	}
}
