package reports

import (
	"fmt"
	"html"
	"io"
	"math/bits"
	"strings"
	"time"
)

// The plots are SVG, drawn with whole numbers only, so that their bytes are the same on every
// machine. All of them share the axis of time: the left edge, the width and the bands of faults.
const (
	plotWidth  = 1000
	plotLeft   = 150 // room for names and numbers
	plotRight  = 988
	plotBars   = 180 // the most bars: longer runs put several seconds into one
	opsHeight  = 170
	axisHeight = 22
	rowHeight  = 17
)

// axis maps virtual time to tenths of a unit of the plot.
type axis struct{ end Seconds }

func (a axis) x(t Seconds) int64 {
	t = min(max(t, 0), a.end)
	return plotLeft*10 + int64(t/1e6)*(plotRight-plotLeft)*10/max(1, int64(a.end/1e6))
}

// tenths prints a length given in tenths.
func tenths(n int64) string {
	if n%10 == 0 {
		return fmt.Sprint(n / 10)
	}
	return fmt.Sprintf("%d.%d", n/10, n%10)
}

// plot collects the parts of one SVG: what stays where it is, what moves with time when the page's script zooms, and the axis of time,
// which the script draws anew.
type plot struct {
	strings.Builder // what moves
	axis
	height        int
	still, bottom strings.Builder
}

// newPlot begins a plot. The script knows by its name which figures belong to it.
func newPlot(r *Result, height int, name, label string) *plot {
	p := &plot{axis: axis{max(r.SimulatedSeconds, 1e9)}, height: height}
	fmt.Fprintf(&p.still, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s" data-plot="%s">`+"\n", plotWidth,
		height+axisHeight, html.EscapeString(label), name)
	return p
}

func (p *plot) finish() string {
	moving := fmt.Sprintf(`<svg class="time" x="%d" y="0" width="%d" height="%d" viewBox="%[1]d 0 %[2]d %[3]d" preserveAspectRatio="none"><g>`+"\n",
		plotLeft, plotRight-plotLeft, p.height)
	return p.still.String() + moving + p.String() + "</g></svg>\n<g class=\"axis\">\n" + p.bottom.String() + "</g>\n</svg>\n"
}

func (p *plot) rect(class string, x0, x1, y0, y1 int64, title string) {
	fmt.Fprintf(p, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"`, html.EscapeString(class),
		tenths(x0), tenths(y0), tenths(max(1, x1-x0)), tenths(y1-y0))
	if title == "" {
		p.WriteString("/>\n")
		return
	}
	fmt.Fprintf(p, `><title>%s</title></rect>`+"\n", html.EscapeString(title))
}

func text(w io.Writer, x, y int64, anchor, text string) {
	fmt.Fprintf(w, `<text x="%s" y="%s" text-anchor="%s">%s</text>`+"\n", tenths(x), tenths(y),
		anchor, html.EscapeString(text))
}

func line(w io.Writer, class string, x0, y0, x1, y1 int64) {
	fmt.Fprintf(w, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", class, tenths(x0),
		tenths(y0), tenths(x1), tenths(y1))
}

// level draws a line across the plot with a number or a name at its left, narrower if there is no room for it.
func (p *plot) level(y int64, label string) {
	line(&p.still, "grid", plotLeft*10, y, plotRight*10, y)
	const room = plotLeft - 7
	place := `end`
	if len([]rune(label))*letterWide > room {
		place = fmt.Sprintf(`end" textLength="%d" lengthAdjust="spacingAndGlyphs`, room)
	}
	text(&p.still, room*10, y+38, place, label)
}

// times draws the axis of time, and where everything was healed.
func (p *plot) times(healed Seconds) {
	step := Seconds(1e9)
	for _, s := range []Seconds{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200,
		21600, 86400, 604800} {
		step = s * 1e9
		if p.end/step <= 10 {
			break
		}
	}
	bottom := int64(p.height) * 10
	for t := Seconds(0); t <= p.end; t += step {
		x := p.x(t)
		line(&p.bottom, "grid", x, bottom, x, bottom+40)
		text(&p.bottom, x, bottom+160, "middle", p.clock(t))
	}
	if healed > 0 && healed < p.end {
		line(&p.bottom, "healed", p.x(healed), 0, p.x(healed), bottom)
		if at, label := p.x(healed), "all healed"; at+50+int64(len(label))*letterWide*10 < plotWidth*10 {
			text(&p.bottom, at+50, 100, "start", label)
		} else {
			text(&p.bottom, at-50, 100, "end", label)
		}
	}
}

// clock prints a time of the axis: seconds in a short run, minutes and hours in a long one.
func (a axis) clock(t Seconds) string {
	seconds := int64(t / 1e9)
	switch {
	case a.end <= 600e9:
		return fmt.Sprintf("%ds", seconds)
	case a.end <= 7200e9:
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%dh%02d", seconds/3600, seconds/60%60)
}

// bands draws the faults that were played as bands behind everything: the darker, the more at one time.
func (p *plot) bands(r *Result) {
	for _, f := range r.played() {
		if f.To > f.From {
			p.rect("band", p.x(f.From), p.x(f.To), 0, int64(p.height)*10, "")
		}
	}
}

// perBar returns how many seconds go into one bar.
func perBar(seconds int) int { return max(1, (seconds+plotBars-1)/plotBars) }

// operationsPlot draws stacked bars of the operations by outcome.
func operationsPlot(r *Result, t Timeline) string {
	p := newPlot(r, opsHeight, "operations", "operations in each second, by outcome")
	p.bands(r)
	per := perBar(len(t))
	most := 1
	for from := 0; from < len(t); from += per {
		s := t.sum(from, per)
		most = max(most, s.OK+s.Failed+s.Unknown)
	}
	top := roundUp(int64(most))
	const base, full = opsHeight * 10, (opsHeight - 10) * 10
	for i := int64(0); i <= 4; i++ {
		if top*i%4 == 0 {
			p.level(base-full*i/4, fmt.Sprint(top*i/4))
		}
	}
	for from := 0; from < len(t); from += per {
		s := t.sum(from, per)
		x0, x1 := p.x(Seconds(from)*1e9), p.x(Seconds(from+per)*1e9)
		x1 -= min(10, (x1-x0)/4) // a gap between bars
		title := fmt.Sprintf("%s: %d ok, %d failed, %d unknown", time.Duration(from)*time.Second,
			s.OK, s.Failed, s.Unknown)
		y := int64(base)
		for _, part := range []struct {
			class string
			n     int
		}{{"ok", s.OK}, {"unknown", s.Unknown}, {"failed", s.Failed}} {
			if part.n > 0 {
				h := max(10, int64(part.n)*full/top)
				p.rect(part.class, x0, x1, y-h, y, title)
				y -= h
			}
		}
	}
	p.times(r.HealedAt)
	return p.finish()
}

// sum adds up some seconds. Of the latencies it takes the worst.
func (t Timeline) sum(from, n int) Second {
	var all Second
	for _, s := range t[from:min(from+n, len(t))] {
		all.OK += s.OK
		all.Failed += s.Failed
		all.Unknown += s.Unknown
		all.MedianUS = max(all.MedianUS, s.MedianUS)
		all.P99US = max(all.P99US, s.P99US)
		all.MaxUS = max(all.MaxUS, s.MaxUS)
	}
	return all
}

// roundUp returns the next of 4, 8, 12, 20, 40, 80, 120, ...
func roundUp(n int64) int64 {
	for scale := int64(4); ; scale *= 10 {
		for _, m := range []int64{1, 2, 3, 5} {
			if n <= scale*m {
				return scale * m
			}
		}
	}
}

// log2 returns the logarithm in 1/1024, straight between powers of two: good enough for a plot.
func log2(n int64) int64 {
	n = max(n, 1)
	b := bits.Len64(uint64(n)) - 1
	return int64(b)*1024 + (n-1<<b)*1024>>b
}

// latencyPlot draws the latencies of operations that are ok on a logarithmic scale.
func latencyPlot(r *Result, t Timeline) string {
	p := newPlot(r, opsHeight, "latency", "latency of successful operations in each second")
	p.bands(r)
	low, high := int64(100), int64(10_000) // microseconds
	for _, s := range t {
		for s.MaxUS > high {
			high *= 10
		}
		for s.MedianUS > 0 && s.MedianUS < low && low > 1 {
			low /= 10
		}
	}
	const base, full = opsHeight * 10, (opsHeight - 10) * 10
	y := func(us int64) int64 { return base - (log2(us)-log2(low))*full/(log2(high)-log2(low)) }
	for us := low; us <= high; us *= 10 {
		p.level(y(us), (time.Duration(us) * time.Microsecond).String())
	}
	per := perBar(len(t))
	for _, curve := range []struct {
		class string
		of    func(Second) int64
	}{
		{"max", func(s Second) int64 { return s.MaxUS }},
		{"p99", func(s Second) int64 { return s.P99US }},
		{"median", func(s Second) int64 { return s.MedianUS }},
	} {
		var points []string
		draw := func() {
			if len(points) == 1 {
				x, y, _ := strings.Cut(points[0], ",")
				fmt.Fprintf(p, `<circle class="%s" cx="%s" cy="%s" r="1.5"/>`+"\n", curve.class,
					x, y)
			} else if len(points) > 1 {
				fmt.Fprintf(p, `<polyline class="%s" points="%s"/>`+"\n", curve.class,
					strings.Join(points, " "))
			}
			points = points[:0]
		}
		for from := 0; from < len(t); from += per {
			s := t.sum(from, per)
			if s.OK == 0 {
				draw() // a gap: nothing succeeded
				continue
			}
			middle := (p.x(Seconds(from)*1e9) + p.x(Seconds(from+per)*1e9)) / 2
			points = append(points, tenths(middle)+","+tenths(y(max(curve.of(s), low))))
		}
		draw()
	}
	p.times(r.HealedAt)
	return p.finish()
}

// faultsPlot draws each fault as a bar in the row of its kind, hollow if nobody felt it.
func faultsPlot(r *Result) string {
	rows := map[string]int64{}
	played := r.played()
	kinds := kindsByClass(played)
	p := newPlot(r, len(kinds)*rowHeight+4, "faults", "faults, a row for each kind")
	for i, k := range kinds {
		rows[k] = int64(i) * rowHeight * 10
		p.level(rows[k]+90, k)
	}
	for i := range played {
		f := &played[i]
		class := f.Class
		if !f.Felt {
			class += " unfelt"
		}
		x0 := p.x(f.From)
		p.rect(class, x0, max(x0+25, p.x(f.To)), rows[f.Kind]+40, rows[f.Kind]+140, faultTitle(f))
	}
	p.times(r.HealedAt)
	return p.finish()
}

func faultTitle(f *Fault) string {
	felt := "not felt"
	if f.Felt {
		felt = fmt.Sprintf("felt %d times", f.Times)
	}
	text := fmt.Sprintf("%s %s %s, %s to %s, %s", f.Kind, f.Where(), f.Params, f.From, f.To, felt)
	return strings.ReplaceAll(text, " ,", ",")
}
