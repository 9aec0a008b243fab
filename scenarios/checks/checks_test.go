package checks

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/chaos"
	"picloud/reports"
)

func TestDurableJudgesStories(t *testing.T) {
	const healed = 100 * time.Millisecond
	tests := []struct {
		name, text string
		want       reports.Status
		detail     string
	}{
		{"the last write is there", "0 10 write a\n20 30 write b\n110 120 read b", reports.Pass, "2 acknowledged changes on 1 keys"},
		{"an acknowledged write is lost", "0 10 write a\n20 30 write b\n110 120 read a", reports.Fail,
			`1 reads miss an acknowledged change; on k client 1 wrote "b" at 0.020s..0.030s and it was acknowledged, ` +
				`yet client 2 read "a" at 0.110s..0.120s`},
		{"everything is lost", "0 10 write a\n110 120 read -", reports.Fail, "1 reads miss"},
		{"a write before healing may be read while it is lost", "0 10 write a\n20 30 read -\n110 120 read a", reports.Pass, ""},
		{"of two writes at one time either may be last", "0 10 write a\n5 15 write b\n110 120 read a", reports.Pass, ""},
		{"an unknown write may land late", "0 10 write a unknown\n20 30 write b\n110 120 read a", reports.Pass, ""},
		{"a failed write does not", "0 10 write a failed\n20 30 write b\n110 120 read a", reports.Fail, ""},
		{"a write beside the read", "0 10 write a\n115 130 write b\n110 120 read b", reports.Pass, ""},
		{"a write after the read", "0 10 write a\n125 130 write b\n110 120 read b", reports.Fail, ""},
		{"a delete holds", "0 10 write a\n20 30 delete\n110 120 read -", reports.Pass, ""},
		{"a deleted value is resurrected", "0 10 write a\n20 30 delete\n110 120 read a", reports.Fail, ""},
		{"a swap holds", "0 10 write a\n20 30 cas a b -> a\n110 120 read b", reports.Pass, ""},
		{"a swap is lost", "0 10 write a\n20 30 cas a b -> a\n110 120 read a", reports.Fail, ""},
		{"a swap that found another value changes nothing", "0 10 write a\n20 30 cas x b -> a\n110 120 read a", reports.Pass, ""},
		{"nobody reads at the end", "0 10 write a\n20 30 read a", reports.Inconclusive, "1 of 1 keys were not read at the end, k is one"},
		{"the read at the end does not succeed", "0 10 write a\n110 120 read unknown", reports.Inconclusive, "were not read"},
		{"nothing was acknowledged", "0 10 write a unknown\n110 120 read -", reports.Inconclusive,
			"saw 0 acknowledged changes, the minimum is 1"},
	}
	for _, test := range tests {
		c := Durable(script(t, test.text), healed, 1)
		if c.Status != test.want || !strings.Contains(c.Detail, test.detail) {
			t.Errorf("%s: got %s: %s", test.name, c.Status, c.Detail)
		}
	}
}

func TestALegalHistoryIsNeverCalledLossy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := smallHistory(t)
		healed := time.Duration(rapid.IntRange(0, 12).Draw(t, "healed"))
		if c := Durable(h, healed, 1); c.Status == reports.Fail && bruteForce(h) {
			t.Fatalf("%s in %v", c.Detail, h)
		}
	})
}

func TestLiveJudgesStories(t *testing.T) {
	ask := Liveness{From: 100 * time.Millisecond, To: 200 * time.Millisecond, Within: 20 * time.Millisecond,
		SharePPM: 600_000, Minimum: 1}
	tests := []struct {
		name, text string
		want       reports.Status
		count      int
	}{
		{"all succeed in time", "100 110 write a\n110 120 read a", reports.Pass, 2},
		{"enough succeed in time", "100 110 write a\n110 120 read a\n120 150 read a", reports.Pass, 3},
		{"too many are slow", "100 110 write a\n110 140 read a", reports.Fail, 2},
		{"too many fail", "100 110 write a\n110 111 write b failed", reports.Fail, 2},
		{"unknown is not success", "100 110 write a unknown", reports.Fail, 1},
		{"what ran before and is done soon does not count", "50 110 write a unknown\n130 140 read -", reports.Pass, 1},
		{"what ran before and still hangs counts", "50 150 write a unknown", reports.Fail, 1},
		{"what starts too late to be judged does not count", "100 110 write a\n190 300 read a", reports.Pass, 1},
		{"nobody asked", "0 10 write a", reports.Inconclusive, 0},
	}
	for _, test := range tests {
		c := Live(script(t, test.text), ask)
		if c.Status != test.want || c.Count != test.count {
			t.Errorf("%s: got %s, %d operations: %s", test.name, c.Status, c.Count, c.Detail)
		}
	}
}

func TestDeathsAreExcusedByTheRightFaultOnly(t *testing.T) {
	top := &chaos.Topology{Switches: []string{"s"}, Machines: []chaos.Machine{
		{Name: "pi-1", Switch: "s"}, {Name: "pi-2", Switch: "s"}, {Name: "pi-3", Switch: "s"}}}
	s, err := chaos.Parse("schedule.txt", `
10s +5s disk-full machine=pi-1
10s +5s net-loss link=pi-1>pi-2
30s +0s disk-rot machine=pi-2
40s +0s disk-rot machine=pi-1
50s +5s memory-limit machine=pi-1
60s +5s disk-clone machines=pi-1,pi-3
`)
	if err != nil {
		t.Fatal(err)
	}
	felt := []int64{3, 5, 1, 0, 0, 1} // the bits of the second rot were never read, and the limit of memory never reached
	tests := []struct {
		machine string
		at      time.Duration
		excuse  string
	}{
		{"pi-1", 9 * time.Second, ""},
		{"pi-1", 12 * time.Second, "10.000s +5.000s disk-full machine=pi-1"},
		{"pi-1", 24 * time.Second, "10.000s +5.000s disk-full machine=pi-1"},
		{"pi-1", 26 * time.Second, ""},
		{"pi-2", 12 * time.Second, ""},
		{"pi-2", 90 * time.Second, "30.000s +0.000s disk-rot machine=pi-2 bits=8"},
		{"pi-1", 45 * time.Second, ""},
		{"pi-1", 52 * time.Second, ""},
		{"pi-1", 90 * time.Second, ""}, // its card was only copied
		{"pi-3", 90 * time.Second, "60.000s +5.000s disk-clone machines=pi-1,pi-3 age=10000ms"},
	}
	for _, d := range []reports.Death{{Machine: "pi-1", At: 12e9, Reason: "data race: main.write"}, {Machine: "pi-1", At: 12e9, Reason: "exit status 0", Over: true}} {
		deaths := []reports.Death{d}
		if Excuse(deaths, top, s, felt); deaths[0].AllowedBy != "" {
			t.Errorf("%s is excused by %s", d.Reason, deaths[0].AllowedBy)
		}
	}
	for _, test := range tests {
		deaths := []reports.Death{{Machine: test.machine, At: reports.Seconds(test.at), Reason: "panic: no", Stack: "main.go:1"}}
		Excuse(deaths, top, s, felt)
		c := Deaths(deaths)
		want := reports.Pass
		if test.excuse == "" {
			want = reports.Fail
		}
		if c.Status != want || deaths[0].AllowedBy != test.excuse {
			t.Errorf("%s at %s: got %s by %q: %s", test.machine, test.at, c.Status, deaths[0].AllowedBy, c.Detail)
		}
	}
	if c := Deaths(nil); c.Status != reports.Pass {
		t.Errorf("got %s", c.Status)
	}
}

// TestAProcessThatExitedIsKnownByWhatItPrinted: its status says nothing of why.
func TestAProcessThatExitedIsKnownByWhatItPrinted(t *testing.T) {
	for _, test := range []struct{ reason, printed, want string }{
		{"exit status 2", "picloud: the card is damaged\nand more\n", "# at #: exit status #: picloud: the card is damaged"},
		{"exit status 2", "", "# at #: exit status #"},
		{"panic: no entry", "panic: no entry\n\ngoroutine [running]:\n", "# at #: panic: no entry"},
	} {
		c := Deaths([]reports.Death{{Machine: "pi-1", At: 5e9, Reason: test.reason, Stack: test.printed}})
		if got := reports.Signature(&c); got != test.want {
			t.Errorf("%s and %q: it is known by %q, want %q", test.reason, test.printed, got, test.want)
		}
	}
}

func TestRequiredFaultsMustBeFelt(t *testing.T) {
	faults := func() []reports.Fault {
		return []reports.Fault{{Kind: "kill"}, {Kind: "kill", Felt: true}, {Kind: "pause"}, {Kind: "reset", Felt: true}}
	}
	f := faults()
	c := Felt(f, []chaos.Kind{chaos.Kill})
	if c.Status != reports.Pass || c.Count != 2 || f[0].Required || !f[1].Required || f[3].Required {
		t.Errorf("got %v with %v", c, f)
	}
	f = faults()
	c = Felt(f, []chaos.Kind{chaos.Pause, chaos.Clog})
	if c.Status != reports.Inconclusive || c.Detail != "required and not felt: pause, clog" || !f[2].Required {
		t.Errorf("got %v with %v", c, f)
	}
}
