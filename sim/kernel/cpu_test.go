package kernel_test

import (
	"fmt"
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/kernel"
	"picloud/sim/simtest"
)

func TestLoadMakesAMachineSlow(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name           string
		cores, workers int
		processes      int
		speedPPM       int64
		want           time.Duration // for the last worker to have done its 10 ms
	}{
		{"one worker on one core", 1, 1, 1, 1e6, 10 * ms},
		{"two workers on one core", 1, 2, 1, 1e6, 20 * ms},
		{"two workers on two cores", 2, 2, 1, 1e6, 10 * ms},
		{"six workers on four cores", 4, 6, 1, 1e6, 15 * ms},
		{"two processes on one core", 1, 1, 2, 1e6, 20 * ms},
		{"two processes on two cores", 2, 1, 2, 1e6, 10 * ms},
		{"one worker does not gain by a second core", 2, 1, 1, 1e6, 10 * ms},
		{"one worker at half the speed", 1, 1, 1, 500_000, 20 * ms},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, d := listen(t, kernel.Config{Seed: 1, Cost: kernel.Cost{SliceNs: 1}})
			workers := fmt.Sprint("WORKERS=", test.workers)
			m := add(t, k, kernel.MachineConfig{Name: "pi-1", Cores: test.cores}, "works", workers)
			m.CPU.SetSpeed(test.speedPPM)
			for range test.processes - 1 {
				start(t, m, "works", workers)
			}
			simtest.Run(t, k, time.Second)
			if len(d.at) != test.processes {
				t.Fatalf("%d of %d processes are done", len(d.at), test.processes)
			}
			// A quantum is 1 ms, so the last core may be done so much after the others.
			if got := d.at[len(d.at)-1]; got < test.want-ms || got > test.want+2*ms {
				t.Errorf("done after %v, want about %v", got, test.want)
			}
			work := time.Duration(test.workers*test.processes) * 10 * ms * 1e6 / time.Duration(test.speedPPM)
			if busy := time.Duration(m.CPU.BusyNs()); busy < work || busy > work+ms {
				t.Errorf("the cores were busy for %v, want %v", busy, work)
			}
		})
	}
}

func TestABusyProcessLetsOthersThrough(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	m := add(t, k, kernel.MachineConfig{Name: "pi-1", Cores: 1}, "works", "WORKERS=3")
	start(t, m, "beats")
	simtest.Run(t, k, 100*time.Millisecond)
	if len(d.lines) < 2 || d.lines[0][0] != '0' || d.at[0] > 15*time.Millisecond {
		t.Errorf("beside a busy process the other said %q at %v", d.lines, d.at)
	}
}

// TestWhatIsLeftOfATheftIsGivenBack: a process whose cores are stolen for a second goes on as soon as they are given back.
func TestWhatIsLeftOfATheftIsGivenBack(t *testing.T) {
	const ms = time.Millisecond
	k, d := listen(t, kernel.Config{Seed: 1, Cost: kernel.Cost{SliceNs: 1}})
	m := add(t, k, kernel.MachineConfig{Name: "pi-1", Cores: 2}, "works", "WORKERS=1")
	var theft kernel.Theft
	k.Loop.After(2*ms, func() { theft = m.CPU.Steal(k.Now(), time.Second) })
	k.Loop.After(50*ms, func() { m.GiveBack(theft) })
	k.Loop.After(500*ms, func() { m.GiveBack(theft) }) // there is nothing left of it
	simtest.Run(t, k, 2*time.Second)
	if len(d.at) != 1 || d.at[0] < 56*ms || d.at[0] > 61*ms {
		t.Errorf("done at %v: 2 ms of 10 before the theft, and the others from 50 ms on", d.at)
	}
}

// TestAnEffortTakesItsTime, and the rest of the process goes on beside it.
func TestAnEffortTakesItsTime(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	add(t, k, kernel.MachineConfig{Name: "pi-1", Cores: 4}, "toils")
	simtest.Run(t, k, time.Second)
	n := len(d.lines)
	if n < 6 || d.lines[n-1] != "done" || d.at[n-1] < 99*time.Millisecond || d.at[n-1] > 110*time.Millisecond || d.at[0] > 15*time.Millisecond {
		t.Errorf("it said %q at %v", d.lines, d.at)
	}
}

func TestABusyProcessTakesMail(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	m := add(t, k, kernel.MachineConfig{Name: "pi-1", Cores: 1}, "works", "WORKERS=1")
	m.Attach(channel.ClassBoard, &watcher{})
	p := m.Processes()[0]
	k.Loop.After(3*time.Millisecond, func() { p.Post(channel.Frame{Class: channel.ClassBoard}) })
	simtest.Run(t, k, 100*time.Millisecond)
	if len(d.lines) != 2 || d.lines[0] != "mail" || d.at[0] > 7*time.Millisecond {
		t.Errorf("it said %q at %v", d.lines, d.at)
	}
}

func TestACoreLiesAndTheOthersDoNot(t *testing.T) {
	rule := kernel.WrongHash{Mask: 0xff, Match: 'a', Bit: 7}
	for _, test := range []struct {
		name  string
		lie   bool
		cores uint64
		want  string
	}{
		{"a healthy CPU", false, 0, "[true true true]"},
		{"all cores", true, 0, "[false false false]"},
		{"one", true, 0b010, "[true false true]"},
		{"two", true, 0b101, "[false true false]"},
		{"one that is not there", true, 0b1000, "[true true true]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			k, d := listen(t, kernel.Config{Seed: 1})
			m := add(t, k, kernel.MachineConfig{Name: "pi-1", Cores: 3}, "hashes")
			if rule.Cores = test.cores; test.lie {
				m.LieAboutHashes(rule)
			}
			simtest.Run(t, k, time.Second)
			if len(d.lines) != 1 || d.lines[0] != test.want {
				t.Errorf("it says %q, want %s", d.lines, test.want)
			}
		})
	}
}
