package board_test

import (
	"fmt"
	"strings"
	"testing"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/hwtest"
)

// equipment is what a board of a shelf has: a relay for each neighbour, and meters of the board and of them.
func equipment() hw.Config {
	return hw.Config{
		Relays:       []hw.Relay{{Feeds: "pi-2", Pin: "GPIO17"}},
		BackupRelays: []hw.Relay{{Feeds: "pi-3", Pin: "GPIO27"}},
		Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}, {Of: "pi-2", Chip: "ina3221", Address: 0x41, Channel: 1}, {Of: "pi-3", Chip: "ina3221", Address: 0x41, Channel: 3},
			{Of: "pi-4", Chip: "ina226", Address: 0x45, Shunt: 10}},
	}
}

// equipped solders the equipment to a machine.
func equipped(p *hwtest.Parts) *hwtest.Parts {
	own, two, four := hwtest.NewChip("ina219"), hwtest.NewChip("ina3221"), hwtest.NewChip("ina226")
	own.Feed(1, 5_100*physic.MilliVolt, 620*physic.MilliAmpere, 100)
	two.Feed(1, 5_080*physic.MilliVolt, 800*physic.MilliAmpere, 100)
	two.Feed(3, 5_040*physic.MilliVolt, 1200*physic.MilliAmpere, 100)
	four.Feed(1, 5_000*physic.MilliVolt, 2500*physic.MilliAmpere, 10)
	p.Solder("1", 0x40, own)
	p.Solder("1", 0x41, two)
	p.Solder("1", 0x45, four)
	return p
}

func TestBoardsKeepTheContract(t *testing.T) {
	for _, m := range hwtest.Machines() {
		t.Run(m.Name, func(t *testing.T) {
			hwtest.Board(t, func(t *testing.T) hw.Board { return opened(t, m, m.New(), hw.Config{}) })
		})
		if m.Board {
			t.Run(m.Name+" with equipment", func(t *testing.T) {
				hwtest.Board(t, func(t *testing.T) hw.Board { return opened(t, m, equipped(m.New()), equipment()) })
			})
			t.Run(m.Name+" with a fan at a pin", func(t *testing.T) {
				hwtest.Board(t, func(t *testing.T) hw.Board { return opened(t, m, m.New(), hw.Config{FanPin: "GPIO14"}) })
			})
		}
		t.Run(m.Name+" that is only looked at", func(t *testing.T) {
			hwtest.Board(t, func(t *testing.T) hw.Board { return must(t)(board.Any(m.New())) })
		})
	}
}

func opened(t *testing.T, m hwtest.Machine, p *hwtest.Parts, c hw.Config) hw.Board {
	t.Helper()
	if !m.Board {
		return must(t)(board.Any(p))
	}
	return must(t)(board.Open(p, c))
}

func must(t *testing.T) func(hw.Board, error) hw.Board {
	return func(b hw.Board, err error) hw.Board {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// TestWhatIsReadOfEachMachine says each quantity that is known, and shows which are not.
func TestWhatIsReadOfEachMachine(t *testing.T) {
	for _, c := range []struct {
		machine func() *hwtest.Parts
		want    string
	}{
		{hwtest.Pi3B, "Raspberry Pi 3 Model B Rev 1.2 a02082 47.712°C 1.200GHz none false - - - 0x000003 SC64G rw 0 100M"},
		{hwtest.Pi3BPlus, "Raspberry Pi 3 Model B Plus Rev 1.3 a020d3 47.712°C 1.400GHz none false - - - 0x000003 SC64G rw 0 1000M"},
		{hwtest.Pi4B, "Raspberry Pi 4 Model B Rev 1.4 c03114 47.712°C 1.800GHz none false - - - 0x000003 SC64G rw 0 1000M"},
		{hwtest.Pi5, "Raspberry Pi 5 Model B Rev 1.0 c04170 47.712°C 2.400GHz none false 5.118V - 2950 0x000003 SC64G rw 0 1000M"},
		{hwtest.Debian, "Raspberry Pi 4 Model B Rev 1.4 c03114 47.712°C - - - - - - 0x000003 SC64G rw 0 1000M"},
		{hwtest.PC, "a machine that is no Raspberry Pi  51°C - - - - - - - - - 1000M"},
	} {
		b, err := board.Open(c.machine(), hw.Config{})
		if err != nil {
			b = must(t)(board.Any(c.machine()))
		}
		i, r := b.Info(), b.Read()
		readOnly := show(r.Card.ReadOnly, func(is bool) string { return map[bool]string{true: "ro", false: "rw"}[is] })
		got := strings.Join([]string{i.Model, i.Revision, show(r.Temperature, physic.Temperature.String), show(r.Clock, physic.Frequency.String),
			show(r.Throttling, hw.Throttling.String), show(r.UnderVoltage, text[bool]), show(r.Supply.Voltage, physic.ElectricPotential.String),
			show(r.Supply.Current, physic.ElectricCurrent.String), show(r.Fan.RPM, text[int]), show(r.Card.Name, text[string]), readOnly,
			show(r.Card.Errors, text[int64]), show(r.Link.Speed, func(n int64) string { return fmt.Sprint(n/1_000_000, "M") })}, " ")
		if got != c.want {
			t.Errorf("it is\n %s, want\n %s", got, c.want)
		}
	}
}

func text[T any](v T) string { return fmt.Sprint(v) }

func show[T any](v hw.Value[T], say func(T) string) string {
	known, err := v.Get()
	if err != nil {
		return "-"
	}
	return say(known)
}

func TestUnknownBoardsAreNamed(t *testing.T) {
	for model, want := range map[string]string{"": "no device tree with a model", "Raspberry Pi Zero 2 W Rev 1.0\x00": "says it is a Raspberry Pi Zero 2 W Rev 1.0; known are",
		"Raspberry Pi 3 Model Bus": "Model Bus", "Radxa ROCK 5B": "ROCK"} {
		p := hwtest.PC()
		if model != "" {
			p.Set("/proc/device-tree/model", model)
		}
		if _, err := board.Open(p, hw.Config{}); err == nil || hw.KindOf(err) != hw.Absent || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", model, err, want)
		}
	}
}

// TestOutputsAreNeverRead drives all outputs: reading one would have turned it into an input, and given the relay free.
func TestOutputsAreNeverRead(t *testing.T) {
	p := hwtest.Pi4B()
	c := hw.Config{FanPin: "GPIO14", Relays: []hw.Relay{{Feeds: "pi-2", Pin: "GPIO17"}}, BackupRelays: []hw.Relay{{Feeds: "pi-3", Pin: "GPIO27"}}}
	b := must(t)(board.Open(p, c))
	level := func(pin string, want gpio.Level) {
		t.Helper()
		if l, driven := p.GPIO(pin).Driven(); l != want || !driven || p.GPIO(pin).Lost() {
			t.Errorf("%s is %s, driven %v, want %s", pin, l, driven, want)
		}
	}
	for _, pin := range []string{"GPIO14", "GPIO17", "GPIO27"} {
		level(pin, gpio.Low) // closed, and still
	}
	if err := b.SetRelay("pi-2", false); err != nil {
		t.Fatal(err)
	}
	if err := b.SetFan(hw.FullDuty / 2); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if d, err := b.Read().Fan.Duty.Get(); d != hw.FullDuty || err != nil {
			t.Errorf("the fan is at %d (%v)", d, err)
		}
		b.Info()
	}
	level("GPIO17", gpio.High)
	level("GPIO27", gpio.Low)
	level("GPIO14", gpio.High)
	if err := b.SetFan(hw.FullDuty/2 - 1); err != nil {
		t.Fatal(err)
	}
	level("GPIO14", gpio.Low)
	p.GPIO("GPIO17").Break(true)
	if err := b.SetRelay("pi-2", true); hw.KindOf(err) != hw.Failed || !strings.Contains(fmt.Sprint(err), "GPIO17") {
		t.Errorf("a line that is not given: %v", err)
	}
}

func TestUnderVoltage(t *testing.T) {
	uv := func(b hw.Board) string { return show(b.Read().UnderVoltage, text[bool]) }
	t.Run("the kernel looks at the supply", func(t *testing.T) {
		p := hwtest.Pi4B()
		b := must(t)(board.Open(p, hw.Config{}))
		p.Set("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
		if uv(b) != "true" {
			t.Error("the kernel has seen what the firmware has forgotten")
		}
		p.Set("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
		if uv(b) != "false" {
			t.Error("it is well")
		}
		p.Firmware().Throttle(hw.UnderVoltageNow | hw.ThrottledNow)
		if uv(b) != "true" {
			t.Error("it sags now")
		}
		p.Firmware().Throttle(0)
		for range 2 {
			if uv(b) != "true" {
				t.Error("it has sagged, and only the kernel may take that from the firmware")
			}
		}
		p.Set("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
		p.Firmware().Fail(true)
		p.Remove("/sys/devices/platform/soc")
		if uv(b) != "true" {
			t.Error("the kernel has seen it")
		}
		p.Set("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
		if uv(b) != "false" {
			t.Error("the kernel has not seen it")
		}
		p.Remove("/sys/class/hwmon/hwmon1")
		if uv(b) != "-" {
			t.Error("nobody knows, which is not well")
		}
	})
	t.Run("nobody else looks", func(t *testing.T) {
		p := hwtest.Pi4B()
		p.Remove("/sys/class/hwmon/hwmon1")
		b := must(t)(board.Open(p, hw.Config{}))
		p.Firmware().Throttle(hw.UnderVoltageNow)
		p.Firmware().Throttle(0)
		if first, second := uv(b), uv(b); first != "true" || second != "false" {
			t.Errorf("it has sagged once since the last reading: %s, then %s", first, second)
		}
	})
	t.Run("the file of the firmware's driver", func(t *testing.T) {
		p := hwtest.Pi4B()
		p.Firmware().Fail(true)
		p.Remove("/sys/class/hwmon/hwmon1")
		p.Set("/sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
		b := must(t)(board.Open(p, hw.Config{}))
		if r := b.Read(); show(r.UnderVoltage, text[bool]) != "true" || show(r.Throttling, text[hw.Throttling]) != "under-voltage,throttled" {
			t.Errorf("%+v", r)
		}
	})
}

// TestAFirmwareThatFailsIsMissed: it is there, so what it does not say is no lack of the board.
func TestAFirmwareThatFailsIsMissed(t *testing.T) {
	p := hwtest.Pi4B()
	p.Firmware().Fail(true)
	b := must(t)(board.Open(p, hw.Config{}))
	if r := b.Read(); r.Clock.Known() || b.Info().Has[hw.ReadClock] != nil {
		t.Errorf("clock %+v, has %v", r.Clock, b.Info().Has[hw.ReadClock])
	}
	p.Firmware().Fail(false)
	if r := b.Read(); !r.Clock.Known() {
		t.Errorf("it answers again: %+v", r.Clock)
	}
}

func TestMeters(t *testing.T) {
	p := equipped(hwtest.Pi5())
	b := must(t)(board.Open(p, equipment()))
	first := b.Read()
	if first.Supply.Current.Known() || !first.Supply.Voltage.Known() {
		t.Error("a new meter has measured nothing yet, and the power chip says the voltage meanwhile")
	}
	r := b.Read()
	for name, want := range map[string]string{"": "5.100V 620mA", "pi-2": "5.080V 800mA", "pi-3": "5.040V 1.200A", "pi-4": "5V 2.500A"} {
		power := r.Supply
		if name != "" {
			power = r.Neighbours[name]
		}
		if got := show(power.Voltage, physic.ElectricPotential.String) + " " + show(power.Current, physic.ElectricCurrent.String); got != want {
			t.Errorf("of %q it measures %s, want %s", name, got, want)
		}
	}
}

func TestWhatIsConfiguredMustBeThere(t *testing.T) {
	for want, change := range map[string]func(*hw.Config){
		"relays[0].pin: ":           func(c *hw.Config) { c.Relays[0].Pin = "GPIO99" },
		"meters[0].chip: ":          func(c *hw.Config) { c.Meters[0].Chip = "ina220" },
		"board: meters[1].bus: ":    func(c *hw.Config) { c.Meters[1].Bus = "7" },
		"backup-relays[0].feeds: p": func(c *hw.Config) { c.BackupRelays[0].Feeds = "pi-2" },
	} {
		c := equipment()
		change(&c)
		if _, err := board.Open(hwtest.Pi4B(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
