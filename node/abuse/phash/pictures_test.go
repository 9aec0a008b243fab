package phash

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// painters draw pictures of quite different kinds, each at random.
var painters = []struct {
	name  string
	paint func(r *rand.Rand, m *image.RGBA)
}{
	{"gradient with noise", paintGradient},
	{"plasma", paintPlasma},
	{"shapes", paintShapes},
	{"text", paintText},
	{"landscape", paintLandscape},
	{"tiles", paintTiles},
	{"faces", paintFaces},
	{"cells", paintCells},
	{"fractal", paintFractal},
	{"chart", paintChart},
	{"ripples", paintRipples},
	{"objects on a table", paintObjects},
}

// picture returns the picture of a number: always the same, and of the painters in turn.
func picture(n int) *image.RGBA {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	w := 200 + r.IntN(200)
	h := w * (60 + r.IntN(90)) / 100
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	painters[n%len(painters)].paint(r, m)
	return m
}

func anyColour(r *rand.Rand) color.RGBA {
	return color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
}

// each sets every pixel.
func each(m *image.RGBA, colour func(x, y int) color.RGBA) {
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			m.SetRGBA(x, y, colour(x, y))
		}
	}
}

// mix returns a colour between two, part is from 0 to 1.
func mix(a, b color.RGBA, part float64) color.RGBA {
	part = min(max(part, 0), 1)
	of := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*part) }
	return color.RGBA{of(a.R, b.R), of(a.G, b.G), of(a.B, b.B), 255}
}

// box fills a rectangle.
func box(m *image.RGBA, x, y, w, h int, c color.RGBA) {
	ellipse(m, x, y, w, h, func(float64, float64) (color.RGBA, bool) { return c, true })
}

// ellipse asks for the colour of each point of a rectangle, with coordinates from -1 to 1.
func ellipse(m *image.RGBA, x, y, w, h int, colour func(u, v float64) (color.RGBA, bool)) {
	for j := max(y, 0); j < min(y+h, m.Rect.Dy()); j++ {
		for i := max(x, 0); i < min(x+w, m.Rect.Dx()); i++ {
			if c, ok := colour(2*(float64(i-x)+0.5)/float64(w)-1, 2*(float64(j-y)+0.5)/float64(h)-1); ok {
				m.SetRGBA(i, j, c)
			}
		}
	}
}

// disc fills an ellipse.
func disc(m *image.RGBA, x, y, w, h int, c color.RGBA) {
	ellipse(m, x-w/2, y-h/2, w, h, func(u, v float64) (color.RGBA, bool) { return c, float64(u*u)+float64(v*v) <= 1 }) // not fused
}

// clouds returns smooth noise of some octaves, about 0 to 1.
func clouds(r *rand.Rand, octaves int, fade float64) func(x, y float64) float64 {
	const n = 32
	var grid [n * n]float64
	for i := range grid {
		grid[i] = r.Float64()
	}
	at := func(x, y float64) float64 {
		fx, fy := math.Floor(x), math.Floor(y)
		i, j, u, v := int(fx)&(n-1), int(fy)&(n-1), x-fx, y-fy
		u, v = u*u*(3-2*u), v*v*(3-2*v)
		k, l := (i+1)&(n-1), (j+1)&(n-1)
		return (grid[j*n+i]*(1-u)+grid[j*n+k]*u)*(1-v) + (grid[l*n+i]*(1-u)+grid[l*n+k]*u)*v
	}
	return func(x, y float64) float64 {
		sum, most, weight := 0.0, 0.0, 1.0
		for range octaves {
			sum, most, weight = sum+weight*at(x, y), most+weight, weight*fade
			x, y = 2*x+7.3, 2*y+3.1
		}
		return sum / most
	}
}

func paintGradient(r *rand.Rand, m *image.RGBA) {
	corner := [4]color.RGBA{anyColour(r), anyColour(r), anyColour(r), anyColour(r)}
	noise := clouds(r, 3, 0.7)
	strength, fine := 0.3+r.Float64(), 6+10*r.Float64()
	w, h := float64(m.Rect.Dx()), float64(m.Rect.Dy())
	each(m, func(x, y int) color.RGBA {
		u, v := float64(x)/w, float64(y)/h
		n := (noise(u*fine, v*fine) - 0.5) * strength
		return mix(mix(corner[0], corner[1], u+n), mix(corner[2], corner[3], u-n), v+n)
	})
}

func paintPlasma(r *rand.Rand, m *image.RGBA) {
	noise, a, b, c := clouds(r, 6, 0.5+0.3*r.Float64()), anyColour(r), anyColour(r), anyColour(r)
	fine := (2 + 5*r.Float64()) / float64(m.Rect.Dx())
	each(m, func(x, y int) color.RGBA {
		n := 2 * noise(float64(x)*fine, float64(y)*fine)
		if n < 1 {
			return mix(a, b, 1.4*n-0.4)
		}
		return mix(b, c, 1.4*n-1.4)
	})
}

func paintShapes(r *rand.Rand, m *image.RGBA) {
	w, h, ground := m.Rect.Dx(), m.Rect.Dy(), anyColour(r)
	box(m, 0, 0, w, h, ground)
	for range 8 + r.IntN(25) {
		x, y, sw, sh, c := r.IntN(w), r.IntN(h), 5+r.IntN(w/2), 5+r.IntN(h/2), anyColour(r)
		if r.IntN(2) == 0 {
			box(m, x-sw/2, y-sh/2, sw, sh, c)
		} else {
			disc(m, x, y, sw, sh, c)
		}
	}
}

// paintText draws lines of words of strokes, with paragraphs and sometimes a headline.
func paintText(r *rand.Rand, m *image.RGBA) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	ground, ink := color.RGBA{250, 250, 245, 255}, color.RGBA{20, 20, 30, 255}
	if r.IntN(4) == 0 {
		ground, ink = ink, ground
	}
	box(m, 0, 0, w, h, ground)
	margin := w / (8 + r.IntN(20))
	for y := margin; y < h-margin; {
		size := 6 + r.IntN(3)
		if r.IntN(8) == 0 {
			size *= 2 + r.IntN(2)
		}
		end := w - margin
		if r.IntN(4) == 0 {
			end -= r.IntN(w / 2)
		}
		for x := margin; x < end; x += size * 2 / 3 {
			for letters := 1 + r.IntN(9); letters > 0 && x < end; letters-- {
				for range 2 {
					if r.IntN(2) == 0 {
						box(m, x+r.IntN(size/2), y, max(1, size/6), size, ink)
					} else {
						box(m, x, y+r.IntN(size), size/2, max(1, size/6), ink)
					}
				}
				x += size * 2 / 3
			}
		}
		y += size * 3 / 2
		if r.IntN(6) == 0 {
			y += size * (1 + r.IntN(3))
		}
	}
}

// paintLandscape draws a sky, ranges of hills with texture, and some trees.
func paintLandscape(r *rand.Rand, m *image.RGBA) {
	w, h := float64(m.Rect.Dx()), float64(m.Rect.Dy())
	sky, low, noise, texture := anyColour(r), anyColour(r), clouds(r, 5, 0.55), clouds(r, 3, 0.8)
	each(m, func(x, y int) color.RGBA {
		return mix(mix(sky, low, float64(y)/h), color.RGBA{255, 255, 255, 255}, 2*noise(float64(x)/w*4, float64(y)/h*6)-0.9)
	})
	ranges := 2 + r.IntN(4)
	for i := range ranges {
		base, c, wave, phase := h*(0.3+0.7*float64(i)/float64(ranges)), anyColour(r), 1+5*r.Float64(), 20*r.Float64()
		rough := h * (0.1 + 0.4*r.Float64())
		for x := range m.Rect.Dx() {
			top := base + rough*(noise(float64(x)/w*wave+phase, phase)-0.5)
			for y := max(0, int(top)); y < m.Rect.Dy(); y++ {
				m.SetRGBA(x, y, mix(c, color.RGBA{0, 0, 0, 255}, texture(float64(x)/w*25, float64(y)/h*25)))
			}
		}
		for range r.IntN(5) {
			x, size := r.IntN(m.Rect.Dx()), int(h)/12+r.IntN(int(h)/5)
			box(m, x-size/12, int(base)-size/2, max(1, size/6), size/2, color.RGBA{70, 45, 20, 255})
			disc(m, x, int(base)-size*2/3, size*2/3, size, mix(c, color.RGBA{10, 60, 10, 255}, 0.8))
		}
	}
}

// paintTiles repeats a tile, with a colour of each own.
func paintTiles(r *rand.Rand, m *image.RGBA) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	size := w / (3 + r.IntN(9))
	colours := []color.RGBA{anyColour(r), anyColour(r), anyColour(r), anyColour(r)}
	inner, odd := 2+r.IntN(3), r.IntN(2)
	for j := range h/size + 1 {
		for i := range w/size + 1 {
			x, y := i*size-odd*(j%2)*size/2, j*size
			box(m, x, y, size, size, colours[r.IntN(4)])
			disc(m, x+size/2, y+size/2, size*inner/5, size*inner/5, colours[r.IntN(4)])
		}
	}
}

// paintFaces draws one to four heads with hair, eyes, nose, mouth and shoulders, lit from one side.
func paintFaces(r *rand.Rand, m *image.RGBA) {
	w, h, noise := m.Rect.Dx(), m.Rect.Dy(), clouds(r, 4, 0.6)
	a, b := anyColour(r), anyColour(r)
	each(m, func(x, y int) color.RGBA { return mix(a, b, noise(float64(x)/40, float64(y)/40)) })
	people := 1 + r.IntN(4)
	for i := range people {
		skin := mix(color.RGBA{250, 215, 185, 255}, color.RGBA{70, 40, 25, 255}, r.Float64())
		hair, cloth, dark := anyColour(r), anyColour(r), color.RGBA{30, 20, 20, 255}
		size := (h/3 + r.IntN(h/3)) * 2 / (1 + min(people, 3))
		x, y := w*(2*i+1)/(2*people)+r.IntN(w/8)-w/16, h/2+r.IntN(h/5)-h/8
		disc(m, x, y+size, size*2, size*6/5, cloth)
		disc(m, x, y-size/8, size*9/10, size*11/10, hair)
		light := r.Float64()*2 - 1
		ellipse(m, x-size*3/8, y-size/2, size*3/4, size, func(u, v float64) (color.RGBA, bool) {
			return mix(skin, dark, 0.35+0.35*u*light), u*u+v*v <= 1
		})
		eye, mouth := size/10+r.IntN(size/12+1), size/6+r.IntN(size/6+1)
		for _, way := range []int{-1, 1} {
			disc(m, x+way*size/6, y-size/10, eye*2, eye, color.RGBA{240, 240, 240, 255})
			disc(m, x+way*size/6, y-size/10, eye*2/3, eye*2/3, dark)
		}
		disc(m, x, y+size/10, size/12, size/5, mix(skin, dark, 0.5))
		disc(m, x, y+size/4+r.IntN(size/10+1), mouth*2, mouth/2+1, color.RGBA{160, 50, 50, 255})
	}
}

func paintCells(r *rand.Rand, m *image.RGBA) {
	type seed struct {
		x, y float64
		c    color.RGBA
	}
	seeds := make([]seed, 12+r.IntN(50))
	for i := range seeds {
		seeds[i] = seed{r.Float64() * float64(m.Rect.Dx()), r.Float64() * float64(m.Rect.Dy()), anyColour(r)}
	}
	shade := r.Float64() / 30
	each(m, func(x, y int) color.RGBA {
		best, least := 0, math.Inf(1)
		for i, s := range seeds {
			dx, dy := float64(x)-s.x, float64(y)-s.y
			if d := dx*dx + dy*dy; d < least {
				best, least = i, d
			}
		}
		return mix(seeds[best].c, color.RGBA{0, 0, 0, 255}, math.Sqrt(least)*shade)
	})
}

// paintFractal draws a part of a Julia set near the edge of the Mandelbrot set.
func paintFractal(r *rand.Rand, m *image.RGBA) {
	angle := 2 * math.Pi * r.Float64()
	c := complex(0.5*math.Cos(angle)-0.25*math.Cos(2*angle), 0.5*math.Sin(angle)-0.25*math.Sin(2*angle)) * complex(1.03, 0)
	a, b := anyColour(r), anyColour(r)
	zoom, cx, cy := 1+1.5*r.Float64(), r.Float64()-0.5, r.Float64()-0.5
	each(m, func(x, y int) color.RGBA {
		z := complex((float64(x)/float64(m.Rect.Dx())-0.5)*3.2/zoom+cx, (float64(y)/float64(m.Rect.Dy())-0.5)*2.6/zoom+cy)
		n := 0
		for ; n < 48 && real(z)*real(z)+imag(z)*imag(z) < 4; n++ {
			z = z*z + c
		}
		return mix(a, b, math.Sqrt(float64(n)/48))
	})
}

// paintChart draws what programs show: a bar, panels, and bars or a curve in each.
func paintChart(r *rand.Rand, m *image.RGBA) {
	w, h, ground := m.Rect.Dx(), m.Rect.Dy(), color.RGBA{240, 240, 244, 255}
	box(m, 0, 0, w, h, ground)
	box(m, 0, 0, w, h/12, anyColour(r))
	if r.IntN(2) == 0 {
		box(m, 0, h/12, w/6, h, anyColour(r))
	}
	columns, rows := 1+r.IntN(3), 1+r.IntN(3)
	for j := range rows {
		for i := range columns {
			pw, ph := w*4/5/columns, h*5/6/rows
			x, y, c := w/6+i*pw+3, h/10+j*ph+3, anyColour(r)
			box(m, x, y, pw-6, ph-6, color.RGBA{255, 255, 255, 255})
			bars := 4 + r.IntN(12)
			for b := range bars {
				tall := 1 + r.IntN(ph-8)
				box(m, x+b*(pw-6)/bars, y+ph-6-tall, max(1, (pw-6)/bars-2), tall, c)
			}
		}
	}
}

func paintRipples(r *rand.Rand, m *image.RGBA) {
	type wave struct{ x, y, length, strength float64 }
	waves := make([]wave, 3+r.IntN(6))
	w, h := float64(m.Rect.Dx()), float64(m.Rect.Dy())
	for i := range waves {
		waves[i] = wave{w * (2*r.Float64() - 0.5), h * (2*r.Float64() - 0.5), w / (2 + 12*r.Float64()), r.Float64()}
	}
	a, b := anyColour(r), anyColour(r)
	each(m, func(x, y int) color.RGBA {
		sum := 0.0
		for _, v := range waves {
			sum += v.strength * math.Sin(math.Hypot(float64(x)-v.x, float64(y)-v.y)*2*math.Pi/v.length)
		}
		return mix(a, b, 0.5+0.5*sum)
	})
}

// paintObjects draws lit balls and boxes with shadows on grained wood.
func paintObjects(r *rand.Rand, m *image.RGBA) {
	w, h, grain := m.Rect.Dx(), m.Rect.Dy(), clouds(r, 4, 0.7)
	a, b, dark := anyColour(r), anyColour(r), color.RGBA{10, 10, 15, 255}
	bend := 10 * r.Float64()
	each(m, func(x, y int) color.RGBA {
		n := grain(float64(x)/float64(w)*3, float64(y)/float64(h)*14)
		return mix(mix(a, b, math.Abs(math.Sin(bend*n))), dark, 0.5*float64(h-y)/float64(h))
	})
	for range 2 + r.IntN(7) {
		x, y, size, c := r.IntN(w), h/4+r.IntN(h*3/4), h/8+r.IntN(h/3), anyColour(r)
		disc(m, x+size/3, y+size/3, size, size/2, dark)
		lx, ly := r.Float64()-0.5, -r.Float64()
		square := r.IntN(3) == 0
		ellipse(m, x-size/2, y-size/2, size, size, func(u, v float64) (color.RGBA, bool) {
			return mix(c, dark, math.Hypot(u-lx, v-ly)/2), square || u*u+v*v <= 1
		})
	}
}
