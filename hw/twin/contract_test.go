package twin

import (
	"sync"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/hwtest"
)

// equipped is a board of each model with all that can be wired to it.
func equipped(t *testing.T, m Model, c Cooling) *Pi {
	t.Helper()
	config := Config{Name: "a", Model: m, Cooling: c, Seed: 11, Equipment: hw.Config{
		Relays:       []hw.Relay{{Feeds: "b", Pin: "GPIO17"}},
		BackupRelays: []hw.Relay{{Feeds: "c", Pin: "GPIO27"}},
		Meters: []hw.Meter{
			{Chip: "ina226", Address: 0x44, Shunt: 20}, {Of: "b", Chip: "ina219", Address: 0x45}, {Of: "c", Chip: "ina3221", Address: 0x41, Channel: 2},
		},
	}}
	if c == Fan && m != Pi5 {
		config.Equipment.FanPin = "GPIO18"
	}
	p := started(t, config)
	p.SetMeasured("b", 5000, 700)
	p.SetMeasured("c", 4900, 300)
	work(p, 4*time.Second, 1)
	return p
}

// TestTheTwinKeepsTheContractOfParts and the test after it run what every machine has to do, real or not.
func TestTheTwinKeepsTheContractOfParts(t *testing.T) {
	for m := Pi3B; m <= Pi5; m++ {
		t.Run(m.String(), func(t *testing.T) {
			hwtest.PartsContract(t, func(t *testing.T) hw.Parts { return equipped(t, m, Fan).Parts() })
		})
	}
}

func TestTheDriversRunOnTheTwin(t *testing.T) {
	for m := Pi3B; m <= Pi5; m++ {
		for c := Bare; c <= Fan; c++ {
			t.Run(m.String()+" "+c.String(), func(t *testing.T) {
				hwtest.Board(t, func(t *testing.T) hw.Board { return opened(t, equipped(t, m, c)) })
			})
		}
	}
}

func opened(t *testing.T, p *Pi) hw.Board {
	t.Helper()
	b, err := board.Open(&locked{parts: p.Parts()}, p.config.Equipment)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestADriverReadsWhatTheTwinIs follows quantities from the model, over registers and files, to what a node sees.
func TestADriverReadsWhatTheTwinIs(t *testing.T) {
	p := equipped(t, Pi5, Fan)
	b := opened(t, p)
	b.Read() // sets the meters up
	for range 100 {
		work(p, time.Second, 4)
	}
	r := b.Read()
	near := func(what string, got, want, by int64, err error) {
		t.Helper()
		if err != nil || got < want-by || got > want+by {
			t.Errorf("%s is read as %d, and is %d (%v)", what, got, want, err)
		}
	}
	heat, err := r.Temperature.Get()
	near("temperature", int64(heat-physic.ZeroCelsius)/nanokelvin, p.MilliCelsius(), 2500, err)
	clock, err := r.Clock.Get()
	near("clock", int64(clock)/1_000_000_000_000, 2400, 1, err)
	volts, err := r.Supply.Voltage.Get()
	near("voltage", int64(volts)/1_000_000, p.Millivolts(), 10, err)
	amperes, err := r.Supply.Current.Get()
	near("current", int64(amperes)/1_000_000, 1000*p.Milliwatts()/p.Millivolts(), 10, err)
	duty, err := r.Fan.Duty.Get()
	near("duty", int64(duty), int64(p.duty), 2, err)
	rpm, err := r.Fan.RPM.Get()
	near("turns", int64(rpm), int64(p.duty)*8, 8, err)
	near("current of b", func() int64 { a, e := r.Neighbours["b"].Current.Get(); err = e; return int64(a) / 1_000_000 }(), 700, 1, err)
	near("voltage of c", func() int64 { v, e := r.Neighbours["c"].Voltage.Get(); err = e; return int64(v) / 1_000_000 }(), 4900, 8, err)

	p.ForgetMeters()
	if r = b.Read(); r.Neighbours["b"].Current.Known() {
		t.Error("a meter that lost its setup is believed")
	}
	if r = b.Read(); !r.Neighbours["b"].Current.Known() {
		t.Error("it is not set up again")
	}
	if err := b.SetRelay("b", false); err != nil || !p.Cuts("b") {
		t.Errorf("its relay is not open: %v", err)
	}
	b.Read()
	work(p, time.Second, 0)
	if !p.Cuts("b") {
		t.Error("reading the board has let go of a relay")
	}
	if err := b.SetRelay("b", true); err != nil || p.Cuts("b") {
		t.Errorf("its relay is not closed: %v", err)
	}
}

// locked lets several goroutines use the parts, as the simulator does when it passes on what processes ask.
type locked struct {
	mu    sync.Mutex
	parts hw.Parts
}

func (l *locked) do(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *locked) ReadFile(path string) (b []byte, err error) {
	l.do(func() { b, err = l.parts.ReadFile(path) })
	return b, err
}

func (l *locked) WriteFile(path string, data []byte) (err error) {
	l.do(func() { err = l.parts.WriteFile(path, data) })
	return err
}

func (l *locked) Glob(pattern string) (found []string, err error) {
	l.do(func() { found, err = l.parts.Glob(pattern) })
	return found, err
}

func (l *locked) Property(message []uint32) (err error) {
	l.do(func() { err = l.parts.Property(message) })
	return err
}

func (l *locked) Bus(number string) (i2c.BusCloser, error) {
	b, err := l.parts.Bus(number)
	if err != nil {
		return nil, err
	}
	return lockedBus{b, l}, nil
}

func (l *locked) Pin(name string) (gpio.PinIO, error) {
	p, err := l.parts.Pin(name)
	if err != nil {
		return nil, err
	}
	return lockedPin{p, l}, nil
}

func (l *locked) OpenWatchdog() (d hw.WatchdogDevice, err error) {
	l.do(func() { d, err = l.parts.OpenWatchdog() })
	return d, err
}

func (l *locked) Halt() error  { return l.parts.Halt() }
func (l *locked) Close() error { return l.parts.Close() }

type lockedBus struct {
	i2c.BusCloser
	l *locked
}

func (b lockedBus) Tx(address uint16, w, r []byte) (err error) {
	b.l.do(func() { err = b.BusCloser.Tx(address, w, r) })
	return err
}

type lockedPin struct {
	gpio.PinIO
	l *locked
}

func (p lockedPin) Out(level gpio.Level) (err error) {
	p.l.do(func() { err = p.PinIO.Out(level) })
	return err
}
