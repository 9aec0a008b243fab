package kernel_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"picloud/sim/kernel"
	"picloud/sim/machine"
	"picloud/sim/simtest"
)

func TestMain(m *testing.M) {
	simtest.Main(m, simtest.Mains{
		"ticker": ticker,
		"panics": func(*machine.Port) { time.Sleep(time.Second); panic("the sky falls") },
		"spins": func(*machine.Port) {
			for {
			}
		},
		"opens": func(*machine.Port) { os.ReadFile("/etc/hostname") },
	})
}

// ticker records the time of each of a few ticks.
func ticker(p *machine.Port) {
	start := time.Now()
	for range time.Tick(100 * time.Millisecond) {
		p.Record([]byte(fmt.Sprint(time.Since(start).Round(time.Millisecond))))
		if time.Since(start) > 450*time.Millisecond {
			return
		}
	}
}

func TestATimerWakesAProcess(t *testing.T) {
	var got []string
	k := simtest.Kernel(t, kernel.Config{Seed: 1, Record: func(_ *kernel.Process, line []byte) { got = append(got, string(line)) }})
	simtest.Machine(t, k, "pi-1", "ticker")
	simtest.Run(t, k, 10*time.Second)
	if want := "100ms 200ms 300ms 400ms 500ms"; strings.Join(got, " ") != want {
		t.Errorf("ticks at %v, want %v", got, want)
	}
	if d := k.Deaths(); len(d) != 1 || d[0].Status != 0 {
		t.Errorf("deaths: %+v", d)
	}
}

func TestAPanicEndsOneMachine(t *testing.T) {
	k := simtest.Kernel(t, kernel.Config{Seed: 1})
	simtest.Machine(t, k, "pi-1", "panics")
	simtest.Run(t, k, 10*time.Second)
	d := k.Deaths()
	if len(d) != 1 || !strings.Contains(d[0].Reason, "the sky falls") || !strings.Contains(d[0].Stack, "kernel_test.TestMain") {
		t.Fatalf("deaths: %+v", d)
	}
}

func TestAProcessThatKeepsItsTurnIsEnded(t *testing.T) {
	k := simtest.Kernel(t, kernel.Config{Seed: 1, HangLimit: 200 * time.Millisecond})
	simtest.Machine(t, k, "pi-1", "spins")
	simtest.Run(t, k, 10*time.Second)
	d := k.Deaths()
	if len(d) != 1 || !strings.Contains(d[0].Reason, "kept its turn") || !strings.Contains(d[0].Stack, "TestMain") {
		t.Fatalf("deaths: %+v", d)
	}
}

func TestOpeningAFileStopsTheRun(t *testing.T) {
	k := simtest.Kernel(t, kernel.Config{Seed: 1})
	simtest.Machine(t, k, "pi-1", "opens")
	err := k.Run(t.Context(), k.Now().Add(time.Second))
	t.Log(err, k.Deaths())
	if err == nil || !strings.Contains(err.Error(), "kernel_test.TestMain") {
		t.Fatalf("run: %v", err)
	}
}
