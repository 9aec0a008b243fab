package twin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"picloud/hw"
)

// ask sends the firmware a tag with one word, and returns the words of its room.
func ask(tb testing.TB, p *Pi, tag uint32, room ...uint32) []uint32 {
	tb.Helper()
	message := append([]uint32{0, 0, tag, uint32(len(room) * 4), 0}, room...)
	message = append(message, 0)
	message[0] = uint32(len(message) * 4)
	if err := p.Parts().Property(message); err != nil {
		tb.Fatal(err)
	}
	if message[1] != answered || message[4]&answered == 0 {
		tb.Fatalf("tag %#x: no answer: %#x", tag, message)
	}
	return message[5 : len(message)-1]
}

// command has the firmware do what vcgencmd asks for.
func command(tb testing.TB, p *Pi, text string) string {
	tb.Helper()
	room := make([]uint32, 256)
	for i := range len(text) {
		room[1+i/4] |= uint32(text[i]) << (8 * (i % 4))
	}
	room = ask(tb, p, tagCommand, room...)
	var b strings.Builder
	for _, w := range room[1:] {
		for i := range 4 {
			if c := byte(w >> (8 * i)); c != 0 {
				b.WriteByte(c)
			}
		}
	}
	if room[0] != 0 {
		return "error: " + b.String()
	}
	return b.String()
}

func throttled(tb testing.TB, p *Pi) string {
	return read(tb, p, find(tb, p, "/sys/devices/platform/soc*/*firmware/get_throttled"))
}

func alarm(tb testing.TB, p *Pi) string {
	return read(tb, p, device(tb, p, "rpi_volt")+"/in0_lcrit_alarm")
}

func TestAWeakCableTripsUnderLoad(t *testing.T) {
	p := started(t, Config{Model: Pi4B, CableMilliohms: 700})
	work(p, 10*time.Second, 0)
	if p.Millivolts() < underMillivolts || alarm(t, p) != "0" || throttled(t, p) != "0" {
		t.Fatalf("at rest: %d mV, alarm %s, throttled %s", p.Millivolts(), alarm(t, p), throttled(t, p))
	}
	work(p, 250*time.Millisecond, 3)
	if p.Millivolts() >= underMillivolts {
		t.Fatalf("under load %d mV arrive", p.Millivolts())
	}
	work(p, 250*time.Millisecond, 3)
	if now := ask(t, p, tagThrottled, 0)[0]; now != 0x50005 {
		t.Fatalf("the firmware says %#x", now)
	}
	if p.SpeedPPM() != 1_000_000*600/1800 {
		t.Errorf("the clock is not at its floor: speed %d", p.SpeedPPM())
	}
	if alarm(t, p) != "0" {
		t.Error("the kernel knows before it has asked")
	}
	work(p, 2*time.Second, 0)
	if alarm(t, p) != "1" || throttled(t, p) != "50004" {
		t.Errorf("after the kernel has asked: alarm %s, throttled %s", alarm(t, p), throttled(t, p))
	}
	work(p, 4*time.Second, 0)
	if alarm(t, p) != "0" || throttled(t, p) != "0" {
		t.Errorf("once it is over, the kernel's own asking has cleared it: alarm %s, throttled %s", alarm(t, p), throttled(t, p))
	}
}

func TestWhoClearsTheStickyBitsTakesThemFromOthers(t *testing.T) {
	p := started(t, Config{Model: Pi4B})
	p.SetSupply(4600)
	work(p, 500*time.Millisecond, 0)
	p.SetSupply(5100)
	work(p, 500*time.Millisecond, 0)
	if first := ask(t, p, tagThrottled, 0xffff)[0]; first>>16 != 0x5 {
		t.Fatalf("the first is told %#x", first)
	}
	if second := ask(t, p, tagThrottled, 0)[0]; second>>16 != 0x4 { // the clock is held down for a while
		t.Fatalf("the second is told %#x", second)
	}
}

func TestA3BPlusHasASoftLimit(t *testing.T) {
	p := started(t, Config{Model: Pi3BPlus})
	p.Advance(10*time.Minute, Work{})
	for p.MilliCelsius() < softTemperature {
		if p.clock() != 1400 {
			t.Fatalf("%d MHz at %d", p.clock(), p.MilliCelsius())
		}
		work(p, tickTime, 4)
	}
	if p.clock() != 1200 || command(t, p, "get_throttled") != "throttled=0x80008" {
		t.Fatalf("%d MHz, %s", p.clock(), command(t, p, "get_throttled"))
	}
	if kernel := read(t, p, "/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq"); kernel != "1400000" {
		t.Errorf("the kernel says %s: it does not know", kernel)
	}
	if hertz := ask(t, p, tagMeasured, 3, 0)[1]; hertz/1_000_000 != 1199 {
		t.Errorf("measured are %d Hz", hertz)
	}
	for p.MilliCelsius() >= softEndTemperature {
		if p.clock() != 1200 {
			t.Fatalf("%d MHz on the way down at %d", p.clock(), p.MilliCelsius())
		}
		work(p, tickTime, 0)
	}
	if p.clock() != 1400 {
		t.Errorf("%d MHz below the limit", p.clock())
	}
}

func TestClocksFallFrom80To85Degrees(t *testing.T) {
	for _, c := range []struct {
		model Model
		heat  int64
		want  int64
	}{
		{Pi4B, 80_000, 1500}, {Pi4B, 81_000, 1500}, {Pi4B, 82_000, 1000}, {Pi4B, 84_400, 600}, {Pi4B, 90_000, 600},
		{Pi4B1500, 80_000, 1500}, {Pi4B1500, 80_100, 1000},
		{Pi5, 80_000, 2400}, {Pi5, 82_500, 1950}, {Pi5, 85_000, 1500}, {Pi3B, 81_000, 1050}, {Pi3BPlus, 84_999, 600},
	} {
		m := c.model.figures()
		if got := m.inBand(c.heat); got != c.want {
			t.Errorf("%s at %d: %d MHz, want %d", c.model, c.heat, got, c.want)
		}
	}
}

func TestTheKernelHaltsAt110Degrees(t *testing.T) {
	p := started(t, Config{Model: Pi5})
	p.SetAir(85_000)
	for range 200 {
		work(p, 5*time.Second, 4)
	}
	expect(t, p, Overheated)
	if p.Running() || p.Milliwatts() != 1750 || p.SpeedPPM() != 0 {
		t.Errorf("running %t, %d mW", p.Running(), p.Milliwatts())
	}
	if _, err := p.Parts().ReadFile("/proc/uptime"); hw.KindOf(err) != hw.Failed {
		t.Errorf("a program still reads: %v", err)
	}
}

func TestTheThermometerHasStepsAndNoise(t *testing.T) {
	for m := Pi3B; m <= Pi5; m++ {
		p := started(t, Config{Model: m, Seed: 5})
		p.Advance(time.Hour, Work{})
		step, sum, squares, n := p.model.sensorStep, int64(0), int64(0), int64(0)
		for ; n < 4000; n++ {
			p.Advance(p.now+100*time.Millisecond, Work{})
			shown := p.sensor()
			if shown%step != 0 {
				t.Fatalf("%s shows %d, with steps of %d", m, shown, step)
			}
			off := shown + step/2 - p.MilliCelsius()
			sum, squares = sum+off, squares+off*off
		}
		if mean := sum / n; mean < -40 || mean > 40 {
			t.Errorf("%s is off by %d on the average", m, mean)
		}
		if sd := int64(squareRoot(uint64(squares / n))); sd < 400 || sd > 470 { // 0.4 K, and that of a step
			t.Errorf("%s has noise of %d", m, sd)
		}
	}
}

func TestAStuckThermometerShowsTheSame(t *testing.T) {
	p := started(t, Config{Model: Pi5, Cooling: Fan})
	p.SetSensorStuck(true)
	was := read(t, p, "/sys/class/thermal/thermal_zone0/temp")
	for range 600 {
		work(p, time.Second, 4)
	}
	if now := read(t, p, "/sys/class/thermal/thermal_zone0/temp"); now != was {
		t.Errorf("%s became %s", was, now)
	}
	if p.duty != 0 || p.MilliCelsius() < 70_000 {
		t.Errorf("the kernel lets the fan turn at %d, by a thermometer that says %s; it has %d", p.duty, was, p.MilliCelsius())
	}
	p.SetSensorStuck(false)
	if now := p.sensor(); now < 70_000 {
		t.Errorf("mended it shows %d", now)
	}
}

func TestTheFirmwareAnswersMessages(t *testing.T) {
	p := started(t, Config{Model: Pi5, Cooling: Fan, Seed: 1})
	work(p, time.Second, 4)
	for what, got := range map[string]bool{
		"revision": ask(t, p, tagRevision, 0)[0] == 0xc04170,
		"serial": func() bool {
			s := ask(t, p, tagSerial, 0, 0)
			return fmt.Sprintf("%08x%08x\x00", s[1], s[0]) == read(t, p, "/proc/device-tree/serial-number")
		}(),
		"max clock":   ask(t, p, tagMaxClock, 3, 0)[1] == 2_400_000_000,
		"min clock":   ask(t, p, tagMinClock, 3, 0)[1] == 1_500_000_000,
		"rate":        ask(t, p, tagClockRate, 3, 0)[1] == 2_400_000_000,
		"other clock": ask(t, p, tagClockRate, 4, 0)[1] == 0,
		"max temp":    ask(t, p, tagMaxTemp, 0, 0)[1] == 85_000,
		"core volts":  ask(t, p, tagVoltage, 1, 0)[1] == 915_000,
		"temperature": int64(ask(t, p, tagTemperature, 0, 0)[1]) == p.sensor(),
		"volts":       command(t, p, "measure_volts core") == "volt=0.9150V",
		"clock":       command(t, p, "measure_clock arm") == "frequency(0)=2400000000",
		"temp":        strings.HasPrefix(command(t, p, "measure_temp"), "temp=2"),
		"nonsense":    strings.HasPrefix(command(t, p, "make_tea"), "error: "),
	} {
		if !got {
			t.Errorf("%s is not answered rightly", what)
		}
	}
	message := []uint32{28, 0, 0x00099999, 4, 0, 7, 0}
	if err := p.Parts().Property(message); err != nil || message[4] != 0 {
		t.Errorf("an unknown tag: %v, %#x", err, message)
	}
	for _, bad := range [][]uint32{nil, {12, 0}, {16, 0, 0}, {24, 0, tagThrottled, 400, 0, 0}, {20, 0, tagThrottled, 3, 0}} {
		if err := p.Parts().Property(bad); hw.KindOf(err) != hw.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestTheRailsOfAPi5MissAQuarter(t *testing.T) {
	p := started(t, Config{Model: Pi5})
	work(p, 2*time.Second, 4)
	rails := command(t, p, "pmic_read_adc")
	amperes, volts := map[string]float64{}, map[string]float64{}
	for line := range strings.Lines(rails) {
		var name string
		var n int
		var value float64
		if k, _ := fmt.Sscanf(line, " %s current(%d)=%fA", &name, &n, &value); k == 3 {
			amperes[strings.TrimSuffix(name, "_A")] = value
		} else if k, _ := fmt.Sscanf(line, " %s volt(%d)=%fV", &name, &n, &value); k == 3 {
			volts[strings.TrimSuffix(name, "_V")] = value
		} else {
			t.Errorf("strange line %q", line)
		}
	}
	sum := 0.0
	for name, a := range amperes {
		sum += a * volts[name]
	}
	if part := sum * 1000 / float64(p.Milliwatts()); part < 0.72 || part > 0.78 {
		t.Errorf("the rails carry %v of what is drawn", part)
	}
	if _, has := amperes["EXT5V"]; has || int64(volts["EXT5V"]*1000+0.5) != p.Millivolts() {
		t.Errorf("input: %v", volts["EXT5V"])
	}
	if got := command(t, started(t, Config{Model: Pi4B}), "pmic_read_adc"); !strings.HasPrefix(got, "error: ") {
		t.Errorf("a 4B has no such chip, and says %q", got)
	}
}

func FuzzPropertyMessages(f *testing.F) {
	f.Add([]byte{28, 0, 0, 0, 0, 0, 0, 0, 0x46, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := started(t, Config{Model: Pi5})
		message := make([]uint32, len(b)/4)
		for i := range message {
			message[i] = uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24
		}
		if err := p.Parts().Property(message); err != nil && hw.KindOf(err) != hw.Invalid {
			t.Errorf("%v", err)
		}
	})
}
