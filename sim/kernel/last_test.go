package kernel_test

import (
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/kernel"
	"picloud/sim/simtest"
)

// TestWhatWasSentBeforeTheEndCounts: turns overlap on the cores of a machine, and the last one may be a short one.
func TestWhatWasSentBeforeTheEndCounts(t *testing.T) {
	for how, status := range map[string]int{"returns": 0, "exits": 5, "panics": 2} {
		t.Run(how, func(t *testing.T) {
			k, d := listen(t, kernel.Config{Seed: 1})
			m, err := k.AddMachine(one("pi-1"))
			if err != nil {
				t.Fatal(err)
			}
			m.SetScheduler(false, 0)
			start(t, m, "hurries", "HOW="+how)
			simtest.Run(t, k, time.Second)
			if want := "0|1|2|3|4|5|6|7|ends"; d.all() != want {
				t.Errorf("it said %s, want %s", d.all(), want)
			}
			deaths := k.Deaths()
			if len(deaths) != 1 || deaths[0].Status != status {
				t.Fatalf("deaths: %+v", deaths)
			}
			if at := time.Duration(deaths[0].At); len(d.at) > 0 && at < d.at[len(d.at)-1] || at < 2*time.Millisecond {
				t.Errorf("it ended at %v, and said its last at %v", at, d.at)
			}
		})
	}
}

// TestAnEndComesWhenTheWorkIsDone: until then the process may be ended by somebody else, or be paused.
func TestAnEndComesWhenTheWorkIsDone(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name         string
		meanwhile    func(k *kernel.Kernel, m *kernel.Machine)
		after        time.Duration // that it speaks and ends; zero for never
		deaths, gone int
	}{
		{"nothing", func(*kernel.Kernel, *kernel.Machine) {}, 50 * ms, 1, 1},
		{"mail", func(_ *kernel.Kernel, m *kernel.Machine) {
			m.Processes()[0].Post(channel.Frame{Class: channel.ClassBoard})
		}, 50 * ms, 1, 1},
		{"a clock step", func(_ *kernel.Kernel, m *kernel.Machine) { m.Rearm() }, 50 * ms, 1, 1},
		{"a kill", func(_ *kernel.Kernel, m *kernel.Machine) { m.Kill() }, 0, 0, 1},
		{"a power cut", func(_ *kernel.Kernel, m *kernel.Machine) { m.PowerOff() }, 0, 0, 0},
		{"a pause", func(k *kernel.Kernel, m *kernel.Machine) { m.Pause(); k.Loop.After(480*ms, m.Resume) }, 500 * ms, 1, 1},
		{"a pause and a kill", func(k *kernel.Kernel, m *kernel.Machine) { m.Pause(); k.Loop.After(480*ms, m.Kill) }, 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, d := listen(t, kernel.Config{Seed: 1})
			w := &watcher{}
			m := add(t, k, one("pi-1"), "leaves")
			m.Attach(channel.ClassBoard, w)
			k.Loop.After(20*ms, func() { c.meanwhile(k, m) })
			simtest.Run(t, k, time.Second)
			if c.after == 0 && len(d.at) > 0 || c.after > 0 && (len(d.at) != 1 || d.at[0].Round(5*ms) != c.after) {
				t.Errorf("it spoke at %v, want %v", d.at, c.after)
			}
			deaths := k.Deaths()
			if len(deaths) != c.deaths || w.gone != c.gone || len(m.Processes()) != 0 {
				t.Fatalf("deaths: %+v; %d are known to be gone, %d are left", deaths, w.gone, len(m.Processes()))
			}
			if c.deaths > 0 && len(d.at) > 0 && time.Duration(deaths[0].At) != d.at[0] {
				t.Errorf("it ended at %v, and spoke at %v", deaths[0].At, d.at[0])
			}
		})
	}
}
