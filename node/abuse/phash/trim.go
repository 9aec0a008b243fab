package phash

const (
	plain     = 8  // mean difference from its border's brightness, in levels, up to which a line is of the border
	thin      = 16 // a thin border is at most that part of a side
	leastSide = 16 // points of the raster that are left in any case
	mostTrims = 3
)

// trims returns the raster, and what is left of it when borders are taken off: lines that have, but for noise, one brightness.
// The first time it is a thin border, which ends at the sharpest step: a frame may be as bright as what it is around. Then all
// that is plain goes, so that a picture with a margin of its own does not depend on its width. What is less than half of the
// whole, across or down, does not count: details of pictures look more alike than pictures do.
func (r *raster) trims() []*raster {
	all := []*raster{r}
	for i := range mostTrims {
		border := plainBorder
		if i == 0 {
			border = thinBorder
		}
		t := *all[len(all)-1]
		whole := t
		t.y0 += border(t.y1-t.y0, func(i int) line { return t.row(t.y0 + i) })
		t.y1 -= border(t.y1-t.y0, func(i int) line { return t.row(t.y1 - 1 - i) })
		t.x0 += border(t.x1-t.x0, func(i int) line { return t.column(t.x0 + i) })
		t.x1 -= border(t.x1-t.x0, func(i int) line { return t.column(t.x1 - 1 - i) })
		if 2*(t.x1-t.x0) < r.x1-r.x0 || 2*(t.y1-t.y0) < r.y1-r.y0 {
			break
		}
		if t.x0 != whole.x0 || t.x1 != whole.x1 || t.y0 != whole.y0 || t.y1 != whole.y1 {
			all = append(all, &t)
		}
	}
	return all
}

// line is a row or a column of a raster.
type line struct {
	pix     []uint8
	n, step int
}

func (r *raster) row(y int) line    { return line{r.pix[y*r.stride+r.x0:], r.x1 - r.x0, 1} }
func (r *raster) column(x int) line { return line{r.pix[r.y0*r.stride+x:], r.y1 - r.y0, r.stride} }

// mean returns the mean brightness of a line, rounded.
func (l line) mean() int {
	sum := 0
	for i := range l.n {
		sum += int(l.pix[i*l.step])
	}
	return (sum + l.n/2) / l.n
}

// plain tells whether a line has one brightness, but for noise.
func (l line) plain(brightness int) bool {
	sum := 0
	for i := range l.n {
		d := int(l.pix[i*l.step]) - brightness
		sum += max(d, -d)
	}
	return sum <= plain*l.n
}

// from returns the sum of a line's differences from another.
func (l line) from(other line) int {
	sum := 0
	for i := range l.n {
		d := int(l.pix[i*l.step]) - int(other.pix[i*l.step])
		sum += max(d, -d)
	}
	return sum
}

// thinBorder returns how many of n lines, the outermost first, are before the sharpest step near the edge.
func thinBorder(n int, at func(i int) line) int {
	if n <= leastSide || !at(0).plain(at(0).mean()) {
		return 0
	}
	best, sharpest := 0, 0
	for i := 1; i <= n/thin; i++ {
		if step := at(i).from(at(i - 1)); step > sharpest {
			best, sharpest = i, step
		}
	}
	return best
}

// plainBorder returns how many of n lines, the outermost first, are of one brightness.
func plainBorder(n int, at func(i int) line) int {
	if n <= leastSide {
		return 0
	}
	brightness := at(0).mean()
	for i := range n - leastSide {
		if !at(i).plain(brightness) {
			return i
		}
	}
	return n - leastSide
}
