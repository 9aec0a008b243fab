package hwtest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// Board runs the contract of hw.Board. Each test opens a board of its own and closes it.
func Board(t *testing.T, open func(t *testing.T) hw.Board) {
	for _, c := range []struct {
		name string
		test func(*testing.T, hw.Board)
	}{
		{"it says what it is", saysWhatItIs},
		{"what it can read is known, and what it cannot read is not", readsWhatItHas},
		{"what is read can be", readsWhatCanBe},
		{"the fan turns as it is told", drivesFan},
		{"relays", drivesRelays},
		{"the clock is bounded and let go", limitsClock},
		{"cores are taken out of use and back", drivesCores},
		{"the watchdog is started, fed and disarmed", runsWatchdog},
		{"what it lacks is absent", lacksAreAbsent},
		{"many use it at once", manyUseIt},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			defer func() {
				if err := b.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			c.test(t, b)
		})
	}
}

func has(b hw.Board, c hw.Capability) bool { return b.Info().Has[c] == nil }

// wants checks the kind of an error.
func wants(t testing.TB, what string, err error, kind hw.Kind) {
	t.Helper()
	if err == nil || hw.KindOf(err) != kind {
		t.Errorf("%s: %v, want an error that is %s", what, err, kind)
	}
}

func saysWhatItIs(t *testing.T, b hw.Board) {
	i := b.Info()
	if i.Model == "" || i.Cores < 1 || i.MaxClock < 0 || i.SoftLimit > i.HardLimit {
		t.Errorf("it says it is %+v", i)
	}
	if !slices.IsSorted(i.Relays) || (len(i.Relays) > 0) != has(b, hw.DriveRelays) {
		t.Errorf("it has relays of %v, and says %v", i.Relays, i.Has[hw.DriveRelays])
	}
	for _, c := range hw.Capabilities() {
		why, says := i.Has[c]
		if !says {
			t.Errorf("it does not say whether it has %s", c)
		}
		if why != nil && why.Error() == "" {
			t.Errorf("it lacks %s and does not say why", c)
		}
	}
	if len(i.Has) != len(hw.Capabilities()) {
		t.Errorf("it says of %d capabilities whether it has them, and there are %d", len(i.Has), len(hw.Capabilities()))
	}
}

// quantities returns of each quantity why it is not known, by the capability that it stands for.
func quantities(r hw.Reading) map[hw.Capability]error {
	return map[hw.Capability]error{
		hw.ReadTemperature: why(r.Temperature), hw.ReadClock: why(r.Clock), hw.ReadThrottling: why(r.Throttling), hw.ReadUnderVoltage: why(r.UnderVoltage),
		hw.ReadVoltage: why(r.Supply.Voltage), hw.ReadCurrent: why(r.Supply.Current), hw.ReadFan: why(r.Fan.RPM), hw.ReadCard: why(r.Card.Name),
		hw.ReadCardErrors: why(r.Card.Errors), hw.ReadLink: why(r.Link.Up), hw.ReadPressure: why(r.Pressure.CPU),
	}
}

func why[T any](v hw.Value[T]) error {
	_, err := v.Get()
	return err
}

func readsWhatItHas(t *testing.T, b hw.Board) {
	b.Read() // a meter that is new measures from then on
	time.Sleep(50 * time.Millisecond)
	for c, err := range quantities(b.Read()) {
		if has(b, c) != (err == nil) {
			t.Errorf("it says of %s %v, and reads it: %v", c, b.Info().Has[c], err)
		}
		if errors.Is(err, hw.ErrUnread) || err != nil && err.Error() == "" {
			t.Errorf("it does not say why %s is not known", c)
		}
	}
}

func readsWhatCanBe(t *testing.T, b hw.Board) {
	r := b.Read()
	if v, err := r.Temperature.Get(); err == nil && (v < physic.ZeroCelsius-60*physic.Celsius || v > physic.ZeroCelsius+150*physic.Celsius) {
		t.Errorf("it is %s", v)
	}
	if v, err := r.Clock.Get(); err == nil && (v < physic.MegaHertz || b.Info().MaxClock > 0 && v > 2*b.Info().MaxClock) {
		t.Errorf("its clock is %s", v)
	}
	if v, err := r.Supply.Voltage.Get(); err == nil && (v < 0 || v > 40*physic.Volt) {
		t.Errorf("its supply has %s", v)
	}
	if v, err := r.Fan.Duty.Get(); err == nil && (v < 0 || v > hw.FullDuty) {
		t.Errorf("its fan is to turn at %d", v)
	}
	for name, v := range map[string]hw.Value[int64]{"card errors": r.Card.Errors, "written": r.Card.Written, "changes": r.Link.Changes, "speed": r.Link.Speed} {
		if n, err := v.Get(); err == nil && n < 0 {
			t.Errorf("%s is %d", name, n)
		}
	}
}

func drivesFan(t *testing.T, b hw.Board) {
	wants(t, "turn backwards", b.SetFan(-1), hw.Invalid)
	wants(t, "turn faster than it can", b.SetFan(hw.FullDuty+1), hw.Invalid)
	if !has(b, hw.DriveFan) {
		return
	}
	for _, want := range []hw.Duty{0, hw.FullDuty, 0, hw.FullDuty / 2, hw.FullDuty} {
		if err := b.SetFan(want); err != nil {
			t.Fatal(err)
		}
		got, err := b.Read().Fan.Duty.Get()
		if err != nil || got < want-5 || got > want+5 && got != hw.FullDuty {
			t.Errorf("the fan was set to %d and is %d (%v)", want, got, err)
		}
	}
}

func drivesRelays(t *testing.T, b hw.Board) {
	wants(t, "cut off a machine that it does not feed", b.SetRelay("nobody", false), hw.Absent)
	for _, machine := range b.Info().Relays {
		for _, closed := range []bool{false, false, true, true} {
			if err := b.SetRelay(machine, closed); err != nil {
				t.Error(err)
			}
		}
	}
}

func limitsClock(t *testing.T, b hw.Board) {
	wants(t, "a clock below zero", b.LimitClock(-1), hw.Invalid)
	if !has(b, hw.DriveClock) {
		return
	}
	for _, limit := range []physic.Frequency{b.Info().MaxClock / 2, 0} {
		if err := b.LimitClock(limit); err != nil {
			t.Errorf("limit to %s: %v", limit, err)
		}
	}
}

func drivesCores(t *testing.T, b hw.Board) {
	wants(t, "take core 0 out of use", b.SetCore(0, false), hw.Invalid)
	wants(t, "core -1", b.SetCore(-1, true), hw.Invalid)
	wants(t, "a core too many", b.SetCore(b.Info().Cores, true), hw.Invalid)
	if !has(b, hw.DriveCores) {
		return
	}
	for _, used := range []bool{false, false, true, true} {
		if err := b.SetCore(b.Info().Cores-1, used); err != nil {
			t.Error(err)
		}
	}
	if err := b.SetCore(0, true); err != nil {
		t.Errorf("core 0 is in use: %v", err)
	}
}

func runsWatchdog(t *testing.T, b hw.Board) {
	_, err := b.StartWatchdog(time.Millisecond)
	wants(t, "a watchdog of a millisecond", err, hw.Invalid)
	if !has(b, hw.DriveWatchdog) {
		return
	}
	for range 2 {
		w, err := b.StartWatchdog(15 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if w.Timeout() <= 0 || w.Timeout() > time.Minute {
			t.Errorf("it waits for %s", w.Timeout())
		}
		if _, err := b.StartWatchdog(15 * time.Second); err == nil {
			t.Error("it was started while it ran")
		}
		if err := errors.Join(w.Feed(), w.Disarm()); err != nil {
			t.Error(err)
		}
	}
}

func lacksAreAbsent(t *testing.T, b hw.Board) {
	for _, c := range []struct {
		capability hw.Capability
		try        func() error
	}{
		{hw.DriveFan, func() error { return b.SetFan(0) }},
		{hw.DriveRelays, func() error { return b.SetRelay("pi-1", true) }},
		{hw.DriveClock, func() error { return b.LimitClock(0) }},
		{hw.DriveCores, func() error { return b.SetCore(min(1, b.Info().Cores-1), true) }},
		{hw.DriveWatchdog, func() error { _, err := b.StartWatchdog(15 * time.Second); return err }},
		{hw.DriveHalt, b.Halt},
	} {
		if !has(b, c.capability) {
			wants(t, string(c.capability), c.try(), hw.Absent)
		}
	}
}

func manyUseIt(t *testing.T, b hw.Board) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 20 {
				b.Read()
				b.Info()
				if has(b, hw.DriveFan) {
					if err := b.SetFan(hw.Duty(i) * hw.FullDuty / 3); err != nil {
						t.Error(err)
					}
				}
				for _, machine := range b.Info().Relays {
					if err := b.SetRelay(machine, i%2 == 0); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}
