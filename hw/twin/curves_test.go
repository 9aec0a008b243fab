package twin

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recording is a run that somebody has published: temperatures of a board at rest and under load.
//
// Published are the temperatures, and the air where it says so. Fitted are the air elsewhere (no recording tells it, so it is what the
// board at rest leaves) and load, the part of a fully busy core's power that the recording's program took. One load serves all
// recordings by the same people of the same model, so of three numbers or more each fit uses one.
type recording struct {
	name    string
	source  string
	model   Model
	cooling Cooling
	deadFan bool
	air     int64 // thousandths of °C
	atRest  int64 // of all cores at rest, in thousandths; above 0 where the published watts at rest are more than the model's
	load    int64 // of all cores under load, in thousandths of full power
	points  []point
}

// point is a published temperature, in thousandths of °C, at a time after the load began; 0 is the end of rest. It may be missed by
// allowed, for the reason that why gives.
type point struct {
	at      time.Duration
	heat    int64
	allowed int64
	why     string
}

const (
	endOfRest = 0 * time.Second
	fiveMin   = 300 * time.Second
	forGood   = 1200 * time.Second // long after anything changes
)

// recordings come from the project's notes on Pi hardware, which name the files: stressberry's recordings (300 s of `stress` on all cores),
// sbc-bench's results, and Phoronix' tests of the Pi 5.
func recordings() []recording {
	const step = "a single reading: sensor step and noise"
	const offset = "the air is fitted to it; what is left is the sensor's step"
	const residual = "greatest miss of a fit of two lumps to this recording"
	const stress = 781 // 2.5 W above rest on a 4B at 1500 MHz: fitted once, to four recordings
	const sbc = 570    // fitted once, to two recordings
	return []recording{
		{"3B bare", "stressberry", Pi3B, Bare, false, 27_400, 0, 1000, []point{
			{endOfRest, 46_000, 500, offset}, {143 * time.Second, 80_000, 2_000, residual + " (1.5 K), and one sensor step"}}},
		{"3B+ in a case as heatsink", "stressberry", Pi3BPlus, Heatsink, false, 28_800, 0, 695, []point{
			{endOfRest, 44_000, 500, offset}, {fiveMin, 60_000, 1_200, "load fitted to it; " + residual}}},
		{"3B+ bare, 4 cores", "sbc-bench", Pi3BPlus, Bare, false, 37_000, 0, sbc, []point{
			{endOfRest, 60_000, 500, offset}, {forGood, 75_800, 1_000, step}}},
		{"3B+ bare, 1 core", "sbc-bench", Pi3BPlus, Bare, false, 37_000, 0, sbc / 4, []point{
			{endOfRest, 60_000, 500, offset}, {forGood, 64_500, 1_000, step}}},
		{"3B+ with fan", "sbc-bench", Pi3BPlus, Fan, false, 37_000, 0, sbc, []point{
			{endOfRest, 46_000, 1_000, step}, {forGood, 54_000, 1_000, step}}},
		{"4B bare", "stressberry", Pi4B1500, Bare, false, 24_200, 0, stress, []point{
			{endOfRest, 47_000, 500, offset}, {fiveMin, 72_000, 2_800, residual}}},
		{"4B in a case as heatsink", "stressberry", Pi4B1500, Heatsink, false, 19_500, 0, stress, []point{
			{endOfRest, 37_000, 500, offset}, {fiveMin, 52_000, 1_000, step}}},
		{"4B with fan", "stressberry", Pi4B1500, Fan, false, 22_200, 0, stress, []point{
			{endOfRest, 32_000, 500, offset}, {fiveMin, 42_000, 2_600, residual}}},
		{"4B with fan at a stand", "stressberry", Pi4B1500, Fan, true, 17_000, 0, stress, []point{
			{endOfRest, 46_000, 500, offset}, {fiveMin, 65_000, 3_200, residual}}},
		{"5 in a case as heatsink, 17 °C", "sbc-bench", Pi5, Heatsink, false, 17_000, 180, 908, []point{
			{endOfRest, 40_800, 3_500, "air and watts published; resistance rounded between the two points"}, {forGood, 55_600, 3_500, "the same"}}},
		{"5 bare", "Phoronix", Pi5, Bare, false, 22_000, 0, 1000, []point{
			{forGood, 81_000, 4_000, "mean of a suite of programs, in air that is not known"}}},
		{"5 with Active Cooler", "Phoronix", Pi5, Fan, false, 22_000, 0, 1000, []point{
			{forGood, 56_000, 4_000, "mean of a suite of programs, in air that is not known"}}},
	}
}

// play returns the temperatures at rest and then at each second, under load until the last point and cooling for as long.
func (r recording) play(t *testing.T) []int64 {
	t.Helper()
	p := started(t, Config{Model: r.model, Cooling: r.cooling})
	if r.deadFan {
		p.SetFan(FanDead)
	}
	p.SetAir(r.air)
	from := time.Hour
	p.Advance(from, Work{CoreTime: from * 4 * time.Duration(r.atRest) / 1000})
	temperatures := []int64{p.MilliCelsius()}
	last := r.points[len(r.points)-1].at
	for p.now < from+2*last {
		load := r.load
		if p.now >= from+last {
			load = r.atRest
		}
		p.Advance(p.now+time.Second, Work{CoreTime: 4 * time.Second * time.Duration(load) / 1000})
		temperatures = append(temperatures, p.MilliCelsius())
	}
	return temperatures
}

func TestPublishedTemperaturesAreMet(t *testing.T) {
	for _, r := range recordings() {
		temperatures := r.play(t)
		for _, pt := range r.points {
			got := temperatures[pt.at/time.Second]
			t.Logf("%-32s %-12s after %5s: published %5.1f, twin %5.1f, error %+4.1f, allowed %3.1f K (%s)", r.name, r.source, pt.at,
				celsius(pt.heat), celsius(got), celsius(got-pt.heat), celsius(pt.allowed), pt.why)
			if miss := max(got-pt.heat, pt.heat-got); miss > pt.allowed {
				t.Errorf("%s, after %s: published %d, got %d thousandths of a degree", r.name, pt.at, pt.heat, got)
			}
		}
	}
}

func celsius(milli int64) float64 { return float64(milli) / 1000 }

// TestAnotherImplementationThrottlesAtTheSameTime compares with times that a program of floating point numbers gave, which the notes on Pi
// hardware list: full load from rest until the clock first falls, at 22 and 35 °C.
func TestAnotherImplementationThrottlesAtTheSameTime(t *testing.T) {
	const never = 0
	for _, c := range []struct {
		model      Model
		cooling    Cooling
		deadFan    bool
		at22, at35 int64 // seconds
	}{
		{Pi3BPlus, Bare, false, 15, 1},
		{Pi4B2019, Bare, false, 95, 19},
		{Pi4B1500, Bare, false, never, 96},
		{Pi4B, Bare, false, 239, 49},
		{Pi4B, Heatsink, false, never, 503},
		{Pi4B, Fan, false, never, never},
		{Pi5, Bare, false, 62, 13},
		{Pi5, Fan, false, never, never},
		{Pi5, Fan, true, never, 137},
	} {
		for air, want := range map[int64]int64{22_000: c.at22, 35_000: c.at35} {
			p := started(t, Config{Model: c.model, Cooling: c.cooling})
			if c.deadFan {
				p.SetFan(FanDead)
			}
			p.SetAir(air)
			p.Advance(time.Hour, Work{})
			got := int64(never)
			for p.now < 2*time.Hour && got == never {
				p.Advance(p.now+tickTime, Work{CoreTime: 4 * tickTime})
				if p.bits&0xf != 0 {
					got = int64((p.now - time.Hour + tickTime) / time.Second)
				}
			}
			if miss := max(got-want, want-got); miss > 1+want/50 || (got == never) != (want == never) {
				t.Errorf("%s %s at %d, fan dead %t: throttled after %d s, want %d", c.model, c.cooling, air, c.deadFan, got, want)
			}
		}
	}
}

func TestCurvesAreDrawn(t *testing.T) {
	const file = "testdata/curves.svg"
	var drawings []drawing
	for _, r := range recordings() {
		drawings = append(drawings, drawing{r, r.play(t)})
	}
	got := draw(drawings)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the curves are not those of %s: go test ./hw/twin -update draws them anew", file)
	}
}

type drawing struct {
	recording
	temperatures []int64
}

// draw draws a field for each recording: the twin's temperature, and the published points with what they may be missed by.
func draw(drawings []drawing) []byte {
	const across, width, height, gap, left, top = 3, 250, 130, 46, 40, 66
	const low, high = 15_000, 90_000
	var b bytes.Buffer
	rows := (len(drawings) + across - 1) / across
	total, tall := left+across*(width+gap), top+rows*(height+gap)+8
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", total, tall)
	b.WriteString(`<style>text{fill:#777}.name{font-weight:bold}.grid{stroke:#888;stroke-opacity:.3}.curve{fill:none;stroke:#2a7fd4;stroke-width:2}` +
		`.load{fill:#e08a1e;fill-opacity:.12}.point{fill:none;stroke:#d4472a;stroke-width:2}.allowed{stroke:#d4472a}</style>` + "\n")
	fmt.Fprintf(&b, `<text class="name" x="%d" y="18" font-size="14">Temperature of the processor in °C: the twin, and what was published</text>`+"\n", left)
	fmt.Fprintf(&b, `<path class="curve" d="M%d 34h24"/><text x="%d" y="38">twin</text><circle class="point" cx="%d" cy="34" r="4"/>`+
		`<text x="%d" y="38">published, with the error that is allowed</text><rect class="load" x="%d" y="26" width="24" height="16"/>`+
		`<text x="%d" y="38">under load</text>`+"\n", left, left+30, left+80, left+90, left+340, left+370)
	for i, d := range drawings {
		x0, y0 := left+i%across*(width+gap), top+i/across*(height+gap)
		y := func(heat int64) int64 { return int64(y0+height) - (heat-low)*height/(high-low) }
		seconds := len(d.temperatures) - 1
		x := func(second int64) int64 { return int64(x0) + second*width/int64(seconds) }
		fmt.Fprintf(&b, `<text class="name" x="%d" y="%d">%s</text>`+"\n", x0, y0-4, strings.ReplaceAll(d.name, "&", "&amp;"))
		fmt.Fprintf(&b, `<rect class="load" x="%d" y="%d" width="%d" height="%d"/>`, x0, y0, width/2, height)
		for heat := int64(20_000); heat <= high; heat += 20_000 {
			fmt.Fprintf(&b, `<path class="grid" d="M%d %dh%d"/><text x="%d" y="%d" text-anchor="end">%d</text>`, x0, y(heat), width, x0-4, y(heat)+4, heat/1000)
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%d s</text><text x="%d" y="%d" text-anchor="end">%d s</text>`+"\n",
			x0+width/2, y0+height+14, seconds/2, x0+width, y0+height+14, seconds)
		b.WriteString(`<path class="curve" d="`)
		for s := 0; s <= seconds; s += max(1, seconds/120) {
			fmt.Fprintf(&b, "%c%d %d", "ML"[min(s, 1)], x(int64(s)), y(d.temperatures[s]))
		}
		b.WriteString(`"/>` + "\n")
		for _, pt := range d.points {
			at := x(int64(pt.at / time.Second))
			fmt.Fprintf(&b, `<path class="allowed" d="M%d %dV%d"/><circle class="point" cx="%d" cy="%d" r="4"/>`+"\n",
				at, y(pt.heat-pt.allowed), y(pt.heat+pt.allowed), at, y(pt.heat))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
