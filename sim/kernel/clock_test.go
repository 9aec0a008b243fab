package kernel_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/sim/event"
	"picloud/sim/kernel"
	"picloud/sim/simtest"
)

// drifting returns the virtual times at which a program's lines took effect on a machine whose
// clock is ppm too fast, by line.
func drifting(t *testing.T, main string, ppm int64) map[string]time.Duration {
	k, d := listen(t, kernel.Config{Seed: 1, FreeCPU: true})
	m := add(t, k, one("pi-1"), main)
	m.Clock.SetDrift(k.Now(), ppm)
	simtest.Run(t, k, 10*time.Second)
	at := map[string]time.Duration{}
	for i, line := range d.lines {
		at[line] = d.at[i]
	}
	return at
}

func TestDriftBendsEveryWayOfWaiting(t *testing.T) {
	for main, lines := range map[string][]string{
		"clocks":    {"sleep", "ticker", "context", "after"},
		"raftTicks": {"raft"},
	} {
		true := drifting(t, main, 0)
		fast := drifting(t, main, 50_000)
		slow := drifting(t, main, -50_000)
		for _, line := range lines {
			if true[line] < time.Second {
				t.Errorf("%s came at %v", line, true[line])
			}
			near(t, line+", 5 % fast", fast[line], true[line]*100/105)
			near(t, line+", 5 % slow", slow[line], true[line]*100/95)
		}
	}
}

// near checks a time to a microsecond.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < -time.Microsecond || d > time.Microsecond {
		t.Errorf("%s: at %v, want %v", what, got, want)
	}
}

func TestTheWallClockIsSetApart(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1, FreeCPU: true})
	m := add(t, k, one("pi-1"), "beats")
	k.Loop.After(150*time.Millisecond, func() { m.Clock.Step(30 * time.Second) })
	k.Loop.After(350*time.Millisecond, func() { m.Clock.Step(-20 * time.Second) })
	simtest.Run(t, k, 450*time.Millisecond)
	if want := "0 00.000|1 00.100|2 30.200|3 30.300|4 10.400"; d.all() != want {
		t.Errorf("the program saw %s, want %s", d.all(), want)
	}
	for i, at := range d.at {
		near(t, d.lines[i], at, time.Duration(i)*100*time.Millisecond)
	}
}

func TestDriftInTheMiddleOfASleep(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1, FreeCPU: true})
	m := add(t, k, one("pi-1"), "clocks")
	k.Loop.After(500*time.Millisecond, func() {
		m.Clock.SetDrift(k.Now(), 1_000_000) // twice as fast
		m.Rearm()
	})
	simtest.Run(t, k, 2*time.Second)
	if len(d.at) == 0 || !strings.Contains(d.all(), "sleep") {
		t.Fatal("nothing happened")
	}
	near(t, "a second, the latter half of it twice as fast", d.at[0], 750*time.Millisecond)
}

func TestAClockReadsAndFindsTheSameTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := kernel.NewClock(0)
		now := event.Time(0)
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			now += event.Time(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "later"))
			was := c.Mono(now)
			c.SetDrift(now, rapid.Int64Range(-900_000, 5_000_000).Draw(t, "ppm"))
			if c.Mono(now) != was {
				t.Fatalf("a change of drift moved the clock from %d to %d", was, c.Mono(now))
			}
			mono := was + rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "ahead")
			at := c.When(mono)
			if at < now || c.Mono(at) < mono || at > now && c.Mono(at-1) >= mono {
				t.Fatalf("%d is shown first at %d, not at %d", mono, at, now)
			}
		}
	})
}
