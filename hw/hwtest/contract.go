package hwtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"picloud/hw"
)

// PartsContract runs the contract of hw.Parts. Each test opens parts of its own and closes them.
func PartsContract(t *testing.T, open func(t *testing.T) hw.Parts) {
	for _, c := range []struct {
		name string
		test func(*testing.T, hw.Parts)
	}{
		{"files that are not there are absent", filesAreAbsent},
		{"files elsewhere are nobody's business", filesStayInside},
		{"patterns find files, sorted", globs},
		{"the firmware says what it does not know", asksFirmware},
		{"a board drives its pins", drivesPins},
		{"buses and pins that are not there are absent", linesAreAbsent},
		{"one program has the watchdog", opensWatchdog},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t)
			defer func() {
				if err := p.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			c.test(t, p)
		})
	}
}

func filesAreAbsent(t *testing.T, p hw.Parts) {
	_, err := p.ReadFile("/sys/class/thermal/thermal_zone77/temp")
	wants(t, "read a file that is not there", err, hw.Absent)
	wants(t, "write a file that is not there", p.WriteFile("/sys/class/hwmon/hwmon77/pwm1", []byte("1")), hw.Absent)
}

func filesStayInside(t *testing.T, p hw.Parts) {
	for _, path := range []string{"/etc/passwd", "proc/cpuinfo", "/sys/../etc/passwd", "/system", "/sys", ""} {
		_, err := p.ReadFile(path)
		wants(t, "read "+path, err, hw.Invalid)
		wants(t, "write "+path, p.WriteFile(path, nil), hw.Invalid)
	}
}

func globs(t *testing.T, p hw.Parts) {
	found, err := p.Glob("/sys/class/nothing*/name")
	if err != nil || len(found) > 0 {
		t.Errorf("what is not there: %v (%v)", found, err)
	}
	_, err = p.Glob("/sys/[")
	wants(t, "a pattern that is none", err, hw.Invalid)
	for _, pattern := range []string{"/sys/class/hwmon/hwmon*/name", "/sys/class/thermal/thermal_zone*/type", "/proc/pressure/*"} {
		found, err := p.Glob(pattern)
		if err != nil || !slices.IsSorted(found) {
			t.Errorf("%s: %v (%v)", pattern, found, err)
		}
		for _, file := range found {
			if text, err := p.ReadFile(file); err != nil || len(text) == 0 {
				t.Errorf("%s was found, and is %q (%v)", file, text, err)
			}
		}
	}
}

func asksFirmware(t *testing.T, p hw.Parts) {
	throttled := []uint32{28, 0, 0x00030046, 4, 0, 0, 0}
	err := p.Property(throttled)
	if hw.KindOf(err) == hw.Absent && err != nil {
		return
	}
	if err != nil || throttled[1] != answered || throttled[4]&answered == 0 {
		t.Errorf("asked for its throttling it answers %#x (%v)", throttled, err)
	}
	unknown := []uint32{28, 0, 0x0003ffff, 4, 0, 0, 0}
	if err := p.Property(unknown); err == nil && unknown[4]&answered != 0 {
		t.Errorf("it knows what nobody knows: %#x", unknown)
	}
}

func drivesPins(t *testing.T, p hw.Parts) {
	pin, err := p.Pin("GPIO17")
	if hw.KindOf(err) == hw.Absent && err != nil {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []gpio.Level{gpio.Low, gpio.High, gpio.High, gpio.Low} {
		if err := pin.Out(l); err != nil {
			t.Error(err)
		}
	}
	if pin.Name() != "GPIO17" {
		t.Errorf("it calls itself %q", pin.Name())
	}
}

func linesAreAbsent(t *testing.T, p hw.Parts) {
	_, err := p.Pin("GPIO99")
	wants(t, "pin 99", err, hw.Absent)
	_, err = p.Bus("99")
	wants(t, "bus 99", err, hw.Absent)
}

func opensWatchdog(t *testing.T, p hw.Parts) {
	found, err := p.Glob("/dev/watchdog0")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w, err := p.OpenWatchdog()
		if len(found) == 0 {
			wants(t, "a watchdog that is not there", err, hw.Absent)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if has, err := w.SetTimeout(10 * time.Second); err != nil || has < time.Second || has > time.Minute {
			t.Errorf("it waits for %s (%v)", has, err)
		}
		_, err = p.OpenWatchdog()
		wants(t, "open it twice", err, hw.Failed)
		if err := errors.Join(w.Feed(), w.Disarm()); err != nil {
			t.Error(err)
		}
	}
}
