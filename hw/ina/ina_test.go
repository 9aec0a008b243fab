package ina_test

import (
	"strings"
	"testing"

	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"

	"picloud/hw"
	"picloud/hw/hwtest"
	"picloud/hw/ina"
)

// TestRegisters plays to each chip what goes over the bus: the setup is read, written, read again, then bus voltage and current.
func TestRegisters(t *testing.T) {
	type ops = []i2ctest.IO
	get := func(number byte, high, low byte) i2ctest.IO {
		return i2ctest.IO{Addr: 0x40, W: []byte{number}, R: []byte{high, low}}
	}
	set := func(number byte, high, low byte) i2ctest.IO {
		return i2ctest.IO{Addr: 0x40, W: []byte{number, high, low}}
	}
	for _, c := range []struct {
		chip    ina.Chip
		channel int
		setup   ops
		ready   ops
		volts   physic.ElectricPotential
		amperes physic.ElectricCurrent
	}{
		{ina.INA219, 1,
			ops{get(0, 0x39, 0x9f), get(5, 0, 0), set(5, 0x10, 0)},
			ops{get(0, 0x39, 0x9f), get(5, 0x10, 0), get(2, 0x27, 0xda), get(4, 0x02, 0x6c)}, // 1275 × 4 mV; 620 × 10 µV
			5_100 * physic.MilliVolt, 620 * physic.MilliAmpere},
		{ina.INA219, 1,
			ops{get(0, 0x39, 0x9f), get(5, 0, 0), set(5, 0x10, 0)},
			ops{get(0, 0x39, 0x9f), get(5, 0x10, 0), get(2, 0xfa, 0x02), get(4, 0xff, 0xff)}, // 8000 × 4 mV, the highest; -10 µV
			32 * physic.Volt, -physic.MilliAmpere},
		{ina.INA226, 1,
			ops{get(0, 0x41, 0x27), set(0, 0x45, 0x27), get(5, 0, 0), set(5, 0x08, 0)},
			ops{get(0, 0x45, 0x27), get(5, 0x08, 0), get(2, 0x0f, 0xf0), get(4, 0x10, 0)}, // 4080 × 1.25 mV; 4096 × 2.5 µV
			5_100 * physic.MilliVolt, 1024 * physic.MilliAmpere},
		{ina.INA3221, 2,
			ops{get(0, 0x71, 0x27), set(0, 0x75, 0x27)},
			ops{get(0, 0x75, 0x27), get(4, 0x13, 0xe8), get(3, 0x00, 0xc8)}, // 637 × 8 mV; 25 × 40 µV
			5_096 * physic.MilliVolt, 100 * physic.MilliAmpere},
		{ina.INA3221, 1,
			ops{get(0, 0x71, 0x27), set(0, 0x75, 0x27)},
			ops{get(0, 0x75, 0x27), get(2, 0xff, 0xf8), get(1, 0xff, 0xf8)}, // of what has no supply: -1 × 8 mV; -1 × 40 µV
			-8 * physic.MilliVolt, -4 * physic.MilliAmpere},
	} {
		t.Run(string(c.chip), func(t *testing.T) {
			bus := &i2ctest.Playback{Ops: append(c.setup, c.ready...), DontPanic: true}
			m, err := ina.New(bus, c.chip, 0x40)
			if err != nil {
				t.Fatal(err)
			}
			if p := m.Measure(c.channel, 10); p.Voltage.Known() || p.Current.Known() {
				t.Errorf("it was not set up, and measures %v", p)
			}
			p := m.Measure(c.channel, 10)
			volts, err := p.Voltage.Get()
			if err != nil {
				t.Fatal(err)
			}
			if amperes, _ := p.Current.Get(); volts != c.volts || amperes != c.amperes {
				t.Errorf("it measures %s, %s, want %s, %s", volts, amperes, c.volts, c.amperes)
			}
			if err := bus.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// soldered returns a meter of a chip that is set up.
func soldered(t testing.TB, kind string) (*ina.Meter, *hwtest.Chip) {
	t.Helper()
	p, chip := hwtest.NewParts(nil), hwtest.NewChip(kind)
	p.Solder("1", 0x41, chip)
	bus, err := p.Bus("1")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ina.New(bus, ina.Chip(kind), 0x41)
	if err != nil {
		t.Fatal(err)
	}
	m.Measure(1, 100)
	return m, chip
}

func TestAMeterThatLostItsSetupIsSetUpAgain(t *testing.T) {
	for _, kind := range []string{"ina219", "ina226", "ina3221"} {
		m, chip := soldered(t, kind)
		chip.Feed(1, 5*physic.Volt, 800*physic.MilliAmpere, 100)
		if i, err := m.Measure(1, 100).Current.Get(); i != 800*physic.MilliAmpere || err != nil {
			t.Errorf("%s: %s (%v)", kind, i, err)
		}
		chip.BrownOut()
		if i, err := m.Measure(1, 100).Current.Get(); err == nil || !strings.Contains(err.Error(), "lost its supply") {
			t.Errorf("%s: it has forgotten its setup, and measures %s", kind, i)
		}
		if i, err := m.Measure(1, 100).Current.Get(); i != 800*physic.MilliAmpere || err != nil {
			t.Errorf("%s: set up again it measures %s (%v)", kind, i, err)
		}
		chip.Break(true)
		if _, err := m.Measure(1, 100).Voltage.Get(); hw.KindOf(err) != hw.Failed || !strings.Contains(err.Error(), kind+" at 0x41 on I2C1") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestMeasuresWhatIsFed compares what is read with what is fed, to within a step of the chip.
func TestMeasuresWhatIsFed(t *testing.T) {
	steps := map[string]struct{ volts, shunt int64 }{"ina219": {4_000_000, 10_000}, "ina226": {1_250_000, 2_500}, "ina3221": {8_000_000, 40_000}}
	rapid.Check(t, func(r *rapid.T) {
		kind := rapid.SampledFrom([]string{"ina219", "ina226", "ina3221"}).Draw(r, "chip")
		m, chip := soldered(t, kind)
		channel := 1
		if kind == "ina3221" {
			channel = rapid.IntRange(1, 3).Draw(r, "channel")
		}
		shunt := rapid.IntRange(5, 100).Draw(r, "milliohms")
		v := rapid.Int64Range(0, 26_000_000_000).Draw(r, "nanovolts")
		shuntNano := rapid.Int64Range(-80_000_000, 80_000_000).Draw(r, "nanovolts of the shunt")
		i := shuntNano * 1000 / int64(shunt)
		chip.Feed(channel, physic.ElectricPotential(v), physic.ElectricCurrent(i), shunt)
		p := m.Measure(channel, shunt)
		volts, err := p.Voltage.Get()
		if err != nil {
			r.Fatal(err)
		}
		amperes, _ := p.Current.Get()
		if off := v - int64(volts); off < 0 || off >= steps[kind].volts {
			r.Errorf("%s is read of %d nV", volts, v)
		}
		if off := (i - int64(amperes)) * int64(shunt) / 1000; off <= -2*steps[kind].shunt || off >= 2*steps[kind].shunt {
			r.Errorf("%s is read of %d nA", amperes, i)
		}
	})
}

func TestCurrentThatDoesNotFit(t *testing.T) {
	for kind, most := range map[string]physic.ElectricCurrent{"ina219": 3200 * physic.MilliAmpere, "ina226": 819_175 * physic.MicroAmpere, "ina3221": 1638 * physic.MilliAmpere} {
		m, chip := soldered(t, kind)
		for _, sign := range []physic.ElectricCurrent{1, -1} {
			chip.Feed(1, 5*physic.Volt, sign*most, 100)
			p := m.Measure(1, 100)
			if i, err := p.Current.Get(); err == nil || !p.Voltage.Known() {
				t.Errorf("%s: of %s it measures %s", kind, sign*most, i)
			}
			chip.Feed(1, 5*physic.Volt, sign*(most-physic.MilliAmpere), 100)
			if i, err := m.Measure(1, 100).Current.Get(); err != nil {
				t.Errorf("%s: just below its end it measures %s (%v)", kind, i, err)
			}
		}
	}
	bus := &i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{{Addr: 0x40, W: []byte{0}, R: []byte{0x39, 0x9f}}, {Addr: 0x40, W: []byte{5}, R: []byte{0x10, 0}},
		{Addr: 0x40, W: []byte{2}, R: []byte{0x27, 0xdb}}}}
	m, err := ina.New(bus, ina.INA219, 0x40)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Measure(1, 100).Current.Get(); err == nil {
		t.Error("its overflow bit is set")
	}
	if _, err := ina.New(bus, "ina220", 0x40); err == nil {
		t.Error("it knows an ina220")
	}
}
