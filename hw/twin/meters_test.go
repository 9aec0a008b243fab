package twin

import (
	"encoding/binary"
	"testing"
	"time"

	"periph.io/x/conn/v3/i2c"

	"picloud/hw"
)

// registers speaks to a chip by its registers.
type registers struct {
	tb  testing.TB
	dev i2c.Dev
}

func (r registers) get(number byte) int {
	r.tb.Helper()
	var b [2]byte
	if err := r.dev.Tx([]byte{number}, b[:]); err != nil {
		r.tb.Fatal(err)
	}
	return int(int16(binary.BigEndian.Uint16(b[:])))
}

func (r registers) set(number byte, v uint16) {
	r.tb.Helper()
	if err := r.dev.Tx([]byte{number, byte(v >> 8), byte(v)}, nil); err != nil {
		r.tb.Fatal(err)
	}
}

func metered(t *testing.T, meters ...hw.Meter) (*Pi, registers) {
	t.Helper()
	p := started(t, Config{Name: "a", Model: Pi4B, Equipment: hw.Config{Meters: meters}})
	bus, err := p.Parts().Bus("1")
	if err != nil {
		t.Fatal(err)
	}
	return p, registers{t, i2c.Dev{Bus: bus, Addr: meters[0].Address}}
}

func TestAnINA219Measures(t *testing.T) {
	p, r := metered(t, hw.Meter{Of: "b", Chip: "ina219", Address: 0x40})
	p.SetMeasured("b", 5000, 1200)
	if r.get(0) != 0x399f || r.get(5) != 0 || r.get(4) != 0 || r.get(3) != 0 {
		t.Error("it has a calibration before anybody gave it one")
	}
	if shunt, bus := r.get(1), r.get(2); shunt != 12_000 || bus>>3 != 1250 || bus&3 != 2 {
		t.Errorf("shunt %d, bus %#x", shunt, bus)
	}
	r.set(5, 4096) // 0.04096 / (100 µA * 0.1 Ω)
	if current, power := r.get(4), r.get(3); current != 12_000 || power != 3000 {
		t.Errorf("current %d of 12000, power %d of 3000: 6 W in steps of 2 mW", current, power)
	}
	p.SetMeasured("b", 5000, -1200)
	if current := r.get(4); current != -12_000 {
		t.Errorf("backwards %d", current)
	}
	p.SetMeasured("b", 5000, 4000)
	if shunt := r.get(1); shunt != 32_000 {
		t.Errorf("above what it can measure %d", shunt)
	}
	r.set(0, 0x399f&^0x1800)
	if shunt := r.get(1); shunt != 4_000 {
		t.Errorf("with the lowest gain %d", shunt)
	}
	if n := p.ForgetMeters(); n != 1 {
		t.Errorf("%d chips forgot", n)
	}
	if r.get(4) != 0 || r.get(5) != 0 || r.get(0) != 0x399f {
		t.Error("it still knows its calibration")
	}
	r.set(5, 4096)
	r.set(0, 0x8000)
	if r.get(5) != 0 {
		t.Error("a reset leaves the calibration")
	}
	p.SetPower(false, p.now)
	if n := p.ForgetMeters(); n != 0 {
		t.Errorf("%d chips without power forgot", n)
	}
}

func TestAnINA226Measures(t *testing.T) {
	p, r := metered(t, hw.Meter{Chip: "ina226", Address: 0x45, Shunt: 50})
	work(p, time.Second, 4) // 6.4 W at 4.96 V: its own
	r.set(5, 2048)          // 0.00512 / (50 µA * 0.05 Ω)
	if volts := r.get(2) * 1250 / 1000; volts < 4950 || volts > 4960 {
		t.Errorf("%d mV", volts)
	}
	if milliamps := r.get(4) / 20; milliamps < 1285 || milliamps > 1295 {
		t.Errorf("%d mA", milliamps)
	}
	if microwatts := r.get(3) * 25 * 50; microwatts < 6_350_000 || microwatts > 6_450_000 {
		t.Errorf("%d µW", microwatts)
	}
	if r.get(0xfe) != 0x5449 || r.get(0xff) != 0x2260 || r.get(0) != 0x4127 {
		t.Error("it is no INA226")
	}
}

func TestAnINA3221MeasuresThree(t *testing.T) {
	meter := func(of string, channel int) hw.Meter {
		return hw.Meter{Of: of, Chip: "ina3221", Address: 0x41, Channel: channel}
	}
	p, r := metered(t, meter("b", 1), meter("c", 3))
	p.SetMeasured("b", 5000, 1000)
	p.SetMeasured("c", 4800, 400)
	if r.get(1)>>3*40 != 100_000 || r.get(2)>>3*8 != 5000 {
		t.Errorf("b: %d µV, %d mV", r.get(1)>>3*40, r.get(2)>>3*8)
	}
	if r.get(5)>>3*40 != 40_000 || r.get(6)>>3*8 != 4800 || r.get(3) != 0 {
		t.Errorf("c: %d µV, %d mV", r.get(5)>>3*40, r.get(6)>>3*8)
	}
	r.set(0, 0x7127&^0x1000)
	if r.get(5) != 0 || r.get(1) == 0 {
		t.Error("a channel that is off measures, or one that is on does not")
	}
}

func TestAMeterForgetsWithItsBoard(t *testing.T) {
	p, r := metered(t, hw.Meter{Of: "b", Chip: "ina219", Address: 0x40})
	r.set(5, 4096)
	if _, err := p.Parts().OpenWatchdog(); err != nil {
		t.Fatal(err)
	}
	p.Advance(time.Minute, Work{})
	if r.get(5) != 4096 {
		t.Error("a reset takes its power away")
	}
	p.SetPower(false, p.now)
	p.SetPower(true, p.now)
	p.Advance(p.now+time.Second, Work{})
	if r.get(5) != 0 {
		t.Error("it remembers without power")
	}
}

func TestABusRefuses(t *testing.T) {
	p, r := metered(t, hw.Meter{Chip: "ina219", Address: 0x40})
	if err := r.dev.Bus.Tx(0x50, []byte{0}, nil); hw.KindOf(err) != hw.Failed {
		t.Errorf("nobody is there: %v", err)
	}
	if err := r.dev.Tx([]byte{0, 1}, nil); hw.KindOf(err) != hw.Invalid {
		t.Errorf("half a register: %v", err)
	}
	if err := r.dev.Bus.SetSpeed(100_000); err == nil {
		t.Error("its speed is set")
	}
	if _, err := p.Parts().Bus("1"); err != nil {
		t.Error(err)
	}
}

func dev(t *testing.T, p *Pi) i2c.Dev {
	t.Helper()
	bus, err := p.Parts().Bus("1")
	if err != nil {
		t.Fatal(err)
	}
	return i2c.Dev{Bus: bus, Addr: 0x40}
}
