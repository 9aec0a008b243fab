package twin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/hw"
)

// life is a schedule for a board: times in which it works evenly, before each of which something is changed.
type life []spell

type spell struct {
	micros          int64
	corePPM         int64 // of a core's time, by all cores together
	supply, air     int64
	powered         bool
	fan             FanFault
	diskPPM, netBps int64
}

func drawLife(rt *rapid.T) life {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) spell {
		return spell{
			micros:  rapid.Int64Range(1, 60_000_000).Draw(rt, "micros"),
			corePPM: rapid.Int64Range(0, 4_000_000).Draw(rt, "cores"),
			supply:  rapid.SampledFrom([]int64{5100, 5100, 5100, 4700, 4300, 3900}).Draw(rt, "supply"),
			air:     rapid.Int64Range(0, 60_000).Draw(rt, "air"),
			powered: rapid.IntRange(0, 9).Draw(rt, "powered") > 0,
			fan:     FanFault(rapid.IntRange(0, 2).Draw(rt, "fan")),
			diskPPM: rapid.Int64Range(0, 1_000_000).Draw(rt, "disk"),
			netBps:  rapid.Int64Range(0, 12).Draw(rt, "net"),
		}
	}), 1, 12).Draw(rt, "life")
}

func drawBoard(rt *rapid.T) Config {
	return Config{
		Model:   Model(rapid.IntRange(int(Pi3B), int(Pi5)).Draw(rt, "model")),
		Cooling: Cooling(rapid.IntRange(int(Bare), int(Fan)).Draw(rt, "cooling")),
		Seed:    rapid.Uint64().Draw(rt, "seed"),
	}
}

// live plays a life. It cuts each spell into pieces at the given parts per million of it, and looks after each.
func (l life) live(p *Pi, cuts []int64, look func()) {
	for _, s := range l {
		p.SetSupply(s.supply)
		p.SetAir(s.air)
		p.SetFan(s.fan)
		p.SetPower(s.powered, p.now)
		from, done := p.now, int64(0)
		for _, cut := range append(cuts, 1_000_000) {
			until := s.micros * cut / 1_000_000
			if until <= done {
				continue
			}
			t := until - done
			done = until
			p.Advance(from+time.Duration(until)*time.Microsecond, Work{
				CoreTime: time.Duration(t * s.corePPM / 1000), DiskBusy: time.Duration(t * s.diskPPM / 1000), NetBytes: t * s.netBps, Written: t,
			})
			look()
		}
	}
}

func TestHowTimeIsCutMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		config, l := drawBoard(rt), drawLife(rt)
		cuts := rapid.SliceOfNDistinct(rapid.Int64Range(1, 999_999), 0, 40, rapid.ID[int64]).Draw(rt, "cuts")
		whole, _ := New(config)
		pieces, _ := New(config)
		l.live(whole, nil, func() {})
		l.live(pieces, cuts, func() {})
		if a, b := whole.MilliCelsius(), pieces.MilliCelsius(); max(a-b, b-a) > 1 {
			rt.Fatalf("%d thousandths of a degree in one piece, %d in many", a, b)
		}
		if a, b := whole.Events(), pieces.Events(); fmt.Sprint(a) != fmt.Sprint(b) {
			rt.Fatalf("events %v in one piece, %v in many", a, b)
		}
		if whole.bits != pieces.bits || whole.clock() != pieces.clock() || whole.wear.written != pieces.wear.written {
			rt.Fatalf("%v %d %d in one piece, %v %d %d in many", whole.bits, whole.clock(), whole.wear.written, pieces.bits, pieces.clock(), pieces.wear.written)
		}
	})
}

// TestHeatIsNeitherMadeNorLost compares with the heat that flows, added up in small steps, and with Euler's solution of the same circuit.
func TestHeatIsNeitherMadeNorLost(t *testing.T) {
	const step = 5 * time.Millisecond
	rapid.Check(t, func(rt *rapid.T) {
		config := drawBoard(rt)
		h := newHeat(config.Model.cooler(config.Cooling))
		type lump struct {
			r, c, t   func() float64
			out, dumb float64
		}
		die := lump{r: func() float64 { return float64(h.cooler.r1) / 1e3 }, c: func() float64 { return float64(h.cooler.c1) / 1e3 },
			t: func() float64 { return float64(h.die) / 1e9 }}
		board := lump{r: func() float64 { return float64(h.resistance) / 1e3 }, c: func() float64 { return float64(h.cooler.c2) / 1e3 },
			t: func() float64 { return float64(h.board) / 1e9 }}
		in := 0.0
		for _, microwatt := range rapid.SliceOfN(rapid.Int64Range(0, 12_000_000), 1, 6).Draw(rt, "powers") {
			h.setAirflow(hw.Duty(rapid.IntRange(0, 1000).Draw(rt, "duty")))
			for range rapid.IntRange(1, 2000).Draw(rt, "steps") {
				in += float64(microwatt) / 1e6 * step.Seconds()
				for _, l := range []*lump{&die, &board} {
					l.out += l.t() / l.r() * step.Seconds() / 2
					l.dumb += (float64(microwatt)/1e6 - l.dumb/l.r()) / l.c() * step.Seconds()
				}
				h.warm(microwatt, step)
				for _, l := range []*lump{&die, &board} {
					l.out += l.t() / l.r() * step.Seconds() / 2
				}
			}
		}
		for name, l := range map[string]*lump{"die": &die, "board": &board} {
			stored := l.c() * l.t()
			if miss := math.Abs(in - stored - l.out); miss > 1e-3+in*1e-5 {
				rt.Fatalf("%s: %v J came in, %v are stored and %v went out", name, in, stored, l.out)
			}
			if miss := math.Abs(l.dumb - l.t()); miss > 0.05 {
				rt.Fatalf("%s: %v K, Euler says %v", name, l.t(), l.dumb)
			}
		}
	})
}

func TestTemperatureStaysBetweenAirAndWhatThePowerCanDo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		config, l := drawBoard(rt), drawLife(rt)
		for i := range l {
			l[i].air = l[0].air
		}
		p, _ := New(config)
		p.air = l[0].air * nanokelvin // and the board is as warm
		m := p.model
		most := m.idleMicrowatt + 4*m.coreMicrowatt + cardMicrowatt + nicMicrowattPerMbit*m.linkMbit
		ceiling := p.air + (p.cooler.r1+p.cooler.r2[0])*most
		l.live(p, []int64{100_000, 400_000, 700_000}, func() {
			if n := p.nanokelvin(); n < p.air || n > ceiling {
				rt.Fatalf("%d nK in air of %d and under a ceiling of %d", n, p.air, ceiling)
			}
		})
	})
}

func TestABoardWithoutPowerDrawsNoneAndCools(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, _ := New(drawBoard(rt))
		drawLife(rt).live(p, nil, func() {})
		p.SetPower(false, p.now)
		p.SetAir(20_000)
		for range 20 {
			p.Advance(p.now+10*time.Minute, Work{CoreTime: time.Hour})
			if p.Milliwatts() != 0 || p.Millivolts() != 0 || p.SpeedPPM() != 0 || p.Next() != Never {
				rt.Fatalf("it draws %d mW at %d mV", p.Milliwatts(), p.Millivolts())
			}
		}
		if got := p.MilliCelsius(); got < 19_999 || got > 20_001 {
			rt.Fatalf("after hours in air of 20 °C it has %d thousandths of a degree", got)
		}
	})
}

func TestThrottlingSaysWhatIsDone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		config, l := drawBoard(rt), drawLife(rt)
		p, _ := New(config)
		cuts := []int64{}
		for i := int64(1); i < 20; i++ {
			cuts = append(cuts, i*50_000)
		}
		l.live(p, cuts, func() {
			if p.state != running || p.now%tickTime != 0 {
				return
			}
			bits, heat := p.bits, p.MilliCelsius()
			for bit, want := range map[hw.Throttling]bool{
				hw.UnderVoltageNow: p.volts < underMillivolts,
				hw.CappedNow:       heat >= bandTemperature,
				hw.ThrottledNow:    heat >= hardTemperature || p.now < p.clampUntil,
				hw.SoftLimitNow:    config.Model == Pi3BPlus && p.soft,
			} {
				if (bits&bit != 0) != want {
					rt.Fatalf("bits %#x at %d thousandths of a degree and %d mV", uint32(bits), heat, p.volts)
				}
			}
			if now := bits & 0xffff; bits>>16&now != now {
				rt.Fatalf("what is now has not been: %#x", uint32(bits))
			}
			if (p.clock() < p.model.maxMHz) != (bits&0xf != 0) {
				rt.Fatalf("%d of %d MHz with bits %#x", p.clock(), p.model.maxMHz, uint32(bits))
			}
		})
	})
}

// TestTheSameBitsComeOutEverywhere has the digest of a long life with everything in it, as every machine must compute it.
func TestTheSameBitsComeOutEverywhere(t *testing.T) {
	const want = "3f58a83883ff2edfb61611ce80fcade737ee2db06e4ecd93178835fb22b87077"
	sum := sha256.New()
	for m := Pi3B; m <= Pi5; m++ {
		for c := Bare; c <= Fan; c++ {
			random := rand.New(rand.NewPCG(7, uint64(m)*10+uint64(c)))
			p, _ := New(Config{Name: "a", Model: m, Cooling: c, Seed: 3, Equipment: hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}}}})
			for range 300 {
				l := life{{
					micros: random.Int64N(20_000_000), corePPM: random.Int64N(4_000_000), supply: 4300 + random.Int64N(800), air: random.Int64N(50_000),
					powered: random.IntN(10) > 0, fan: FanFault(random.IntN(3)), diskPPM: random.Int64N(1_000_000), netBps: random.Int64N(100),
				}}
				l.live(p, []int64{333_333}, func() {})
				fmt.Fprintln(sum, p.nanokelvin(), p.Milliwatts(), p.Millivolts(), p.SpeedPPM(), p.Events(), uint32(p.bits), p.sensor(), p.Wear())
				for _, path := range p.tree.paths {
					text, err := p.Parts().ReadFile(path)
					fmt.Fprintln(sum, path, string(text), err)
				}
			}
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("the digest is %s, not %s: whoever changes the model writes the new one here", got, want)
	}
}
