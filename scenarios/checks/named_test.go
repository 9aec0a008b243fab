package checks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/reports"
)

// rack is three machines of a cloud on two switches, with who looks at them on the second one.
func rack(required ...chaos.Kind) *Watch {
	return &Watch{
		Topology: &chaos.Topology{Switches: []string{"s-1", "s-2"}, Machines: []chaos.Machine{
			{Name: "pi-1", Role: "node", Switch: "s-1"}, {Name: "pi-2", Role: "node", Switch: "s-1"}, {Name: "pi-3", Role: "node", Switch: "s-2"},
			{Name: "home", Role: "client", Switch: "s-2"}, {Name: "m", Role: "monitor", Switch: "s-2"},
		}},
		Monitor: "m", Nodes: []string{"pi-1", "pi-2", "pi-3"}, Required: required, Ended: 200 * time.Second,
	}
}

// accounted plays a schedule, in the order of its times, and alerts, a line each like "NodeDown pi-1 14 20 10": the name, the
// machine, a level or -, when it fired, when it ended, and when its condition began if that was before. A fault with a # at its end was not felt.
func accounted(t *testing.T, w *Watch, schedule, alerts string, deaths ...reports.Death) *reports.Result {
	t.Helper()
	s, err := chaos.Parse("schedule", schedule)
	if err != nil {
		t.Fatal(err)
	}
	r := &reports.Result{Alerts: []reports.Alert{}, Deaths: deaths}
	for i, line := range strings.Split(strings.TrimSpace(schedule), "\n")[:len(s)] {
		unfelt := strings.HasSuffix(line, "#")
		r.Faults = append(r.Faults, reports.Fault{Kind: string(s[i].Kind), Target: s[i].Target.Names(), From: reports.Seconds(s[i].At),
			To: reports.Seconds(s[i].End()), Felt: !unfelt})
	}
	for line := range strings.Lines(alerts) {
		var name, machine string
		var from, to, pending float64
		if n, err := fmt.Sscan(line, &name, &machine, &from, &to, &pending); n < 4 {
			t.Fatalf("%q: %v", line, err)
		} else if n == 4 {
			pending = from
		}
		a := reports.Alert{Name: name, Labels: map[string]string{}, Pending: reports.Seconds(pending * 1e9), From: reports.Seconds(from * 1e9), To: reports.Seconds(to * 1e9)}
		if level, is := strings.CutPrefix(machine, "level:"); is {
			a.Labels["level"] = level
		} else if machine != "-" {
			a.Labels["instance"] = machine
		}
		r.Alerts = append(r.Alerts, a)
	}
	reports.SortAlerts(r.Alerts)
	r.Score = w.Account(s, r)
	return r
}

// told says what the ledger made of each fault and each alert, a line each.
func told(r *reports.Result) string {
	var b strings.Builder
	for i := range r.Faults {
		f := &r.Faults[i]
		fmt.Fprintf(&b, "%s %s: ", f.Kind, f.Target)
		if !f.Must {
			fmt.Fprintf(&b, "(%s) ", f.NeedNot)
		}
		switch {
		case f.Named != nil:
			fmt.Fprintf(&b, "%s after %s", f.Named.Alert, f.Named.After)
		case f.Missed:
			b.WriteString("missed")
		case f.HiddenBy != "":
			fmt.Fprintf(&b, "hidden by %s", f.HiddenBy)
		}
		b.WriteString("\n")
	}
	for i := range r.Alerts {
		a := &r.Alerts[i]
		if a.False {
			fmt.Fprintf(&b, "%s is false\n", a.Name)
		} else {
			fmt.Fprintf(&b, "%s from %s\n", a.Name, a.ExplainedBy)
		}
	}
	return b.String()
}

func TestTheLedgerOfAlerts(t *testing.T) {
	const (
		kill  = "10s +2s kill machine=pi-1\n"
		pause = "10s +12s pause machine=pi-1\n"
		step  = "10s +0s clock-step machine=pi-1 by=-60000ms\n"
	)
	for _, c := range []struct{ name, schedule, alerts, want string }{
		{"a kill is named by the restart", kill, "NodeRestarted pi-1 16 46",
			"kill pi-1: NodeRestarted after 6.000s\nNodeRestarted from 10.000s +2.000s kill machine=pi-1\n"},
		{"the restart of another machine names nothing, and is false", kill, "NodeRestarted pi-2 16 46",
			"kill pi-1: missed\nNodeRestarted is false\n"},
		{"an alert of another kind names nothing, and is false", kill, "ClockOff pi-1 16 46",
			"kill pi-1: missed\nClockOff is false\n"},
		{"too late is missed, though it explains the alert", kill, "NodeRestarted pi-1 33 46",
			"kill pi-1: missed\nNodeRestarted from 10.000s +2.000s kill machine=pi-1\n"},
		{"before the fault it was another cause, of which nobody knows", kill, "NodeRestarted pi-1 8 9",
			"kill pi-1: missed\nNodeRestarted is false\n"},
		{"what began to hold before the fault does not name it either", "5s +2s pause machine=pi-1\n" + pause, "NodeSilent pi-1 12 25 7",
			"pause pi-1: (too short: 9s are needed) NodeSilent after 7.000s\npause pi-1: hidden by 5.000s +2.000s pause machine=pi-1\n" +
				"NodeSilent from 5.000s +2.000s pause machine=pi-1\n"},
		{"a restart before the kill is over is not its own", kill, "NodeRestarted pi-1 11 9",
			"kill pi-1: missed\nNodeRestarted from 10.000s +2.000s kill machine=pi-1\n"},
		{"what was not felt explains nothing", kill[:len(kill)-1] + " #\n", "NodeRestarted pi-1 16 46",
			"kill pi-1: (not felt) \nNodeRestarted is false\n"},
		{"a short pause need not be named", "10s +5s pause machine=pi-1\n", "",
			"pause pi-1: (too short: 9s are needed) \n"},
		{"a long one must", pause, "", "pause pi-1: missed\n"},
		{"the first alert counts", pause, "NodeSilent pi-1 17 25\nNodeDown pi-1 22 25",
			"pause pi-1: NodeSilent after 7.000s\nNodeSilent from 10.000s +12.000s pause machine=pi-1\nNodeDown from 10.000s +12.000s pause machine=pi-1\n"},
		{"two faults are named by one alert", kill + "11s +3s memory-limit machine=pi-1\n", "NodeRestarted pi-1 18 48",
			"kill pi-1: NodeRestarted after 8.000s\nmemory-limit pi-1: NodeRestarted after 7.000s\n" +
				"NodeRestarted from 11.000s +3.000s memory-limit machine=pi-1 limit=67108864bytes\n"},
		{"an alert that names what must be named names nothing else", kill + "11s +8s net-delay link=pi-1>* delay=20ms\n", "NodeSilent pi-1 18 25",
			"kill pi-1: NodeSilent after 8.000s\nnet-delay pi-1>*: (too short: 9s are needed) \nNodeSilent from 10.000s +2.000s kill machine=pi-1\n"},
		{"an alert that stands hides the next fault", kill + "30s +2s kill machine=pi-1\n", "NodeRestarted pi-1 16 66",
			"kill pi-1: NodeRestarted after 6.000s\nkill pi-1: hidden by 10.000s +2.000s kill machine=pi-1\nNodeRestarted from 10.000s +2.000s kill machine=pi-1\n"},
		{"a kill that is named hides a step", step + "11s +2s kill machine=pi-1\n", "NodeRestarted pi-1 16 46",
			"clock-step pi-1: hidden by 11.000s +2.000s kill machine=pi-1\nkill pi-1: NodeRestarted after 5.000s\nNodeRestarted from 11.000s +2.000s kill machine=pi-1\n"},
		{"two that are missed do not hide one another", step + "11s +2s kill machine=pi-1\n", "",
			"clock-step pi-1: missed\nkill pi-1: missed\n"},
		{"a copied card is named by the restart of who gets the copy", "10s +2s disk-clone machines=pi-1,pi-2\n", "NodeRestarted pi-2 16 46",
			"disk-clone pi-1,pi-2: NodeRestarted after 6.000s\nNodeRestarted from 10.000s +2.000s disk-clone machines=pi-1,pi-2 age=10000ms\n"},
		{"a restart of whose card it was is false", "10s +2s disk-clone machines=pi-1,pi-2\n", "NodeRestarted pi-1 16 46",
			"disk-clone pi-1,pi-2: missed\nNodeRestarted is false\n"},
		{"and hides nothing", step + "11s +2s disk-clone machines=pi-1,pi-2\n", "NodeRestarted pi-2 16 46",
			"clock-step pi-1: missed\ndisk-clone pi-1,pi-2: NodeRestarted after 5.000s\nNodeRestarted from 11.000s +2.000s disk-clone machines=pi-1,pi-2 age=10000ms\n"},
		{"a kill elsewhere hides nothing", step + "11s +2s kill machine=pi-2\n", "NodeRestarted pi-2 16 46",
			"clock-step pi-1: missed\nkill pi-2: NodeRestarted after 5.000s\nNodeRestarted from 11.000s +2.000s kill machine=pi-2\n"},
		{"a step is named", step, "ClockOff pi-1 14 200", "clock-step pi-1: ClockOff after 4.000s\nClockOff from " + strings.TrimSpace("10.000s +0.000s clock-step machine=pi-1 by=-60000ms") + "\n"},
		{"a small step is not", "10s +0s clock-step machine=pi-1 by=60ms\n", "", "clock-step pi-1: (too small: the clock is off by 60ms in all) \n"},
		{"a step back need not be named", step + "50s +0s clock-step machine=pi-1 by=58000ms\n", "ClockOff pi-1 14 52",
			"clock-step pi-1: ClockOff after 4.000s\nclock-step pi-1: (too small: the clock is off by -2s in all) \nClockOff from 10.000s +0.000s clock-step machine=pi-1 by=-60000ms\n"},
		{"a clock that is off hides a second step", step + "50s +0s clock-step machine=pi-1 by=30000ms\n", "ClockOff pi-1 14 200",
			"clock-step pi-1: ClockOff after 4.000s\nclock-step pi-1: hidden by 10.000s +0.000s clock-step machine=pi-1 by=-60000ms\nClockOff from 10.000s +0.000s clock-step machine=pi-1 by=-60000ms\n"},
		{"a clock stays off", step, "ClockOff pi-1 14 100\nClockOff pi-1 110 200",
			"clock-step pi-1: ClockOff after 4.000s\nClockOff from 10.000s +0.000s clock-step machine=pi-1 by=-60000ms\nClockOff from 10.000s +0.000s clock-step machine=pi-1 by=-60000ms\n"},
		{"each machine of a partition is to be named", "10s +12s partition-minority machines=pi-1,pi-3\n", "NodeSilent pi-3 18 25",
			"partition-minority pi-1,pi-3: missed\nNodeSilent from 10.000s +12.000s partition-minority machines=pi-1,pi-3\n"},
		{"as it is here", "10s +12s partition-minority machines=pi-1,pi-3\n", "NodeSilent pi-3 18 25\nNodeDown pi-1 20 25",
			"partition-minority pi-1,pi-3: NodeSilent after 10.000s\nNodeSilent from 10.000s +12.000s partition-minority machines=pi-1,pi-3\n" +
				"NodeDown from 10.000s +12.000s partition-minority machines=pi-1,pi-3\n"},
		{"a switch is named by its machines", "10s +12s switch-dark switch=s-1\n", "NodeSilent pi-1 18 25\nNodeSilent pi-2 18 25",
			"switch-dark s-1: NodeSilent after 8.000s\nNodeSilent from 10.000s +12.000s switch-dark switch=s-1\nNodeSilent from 10.000s +12.000s switch-dark switch=s-1\n"},
		{"the monitor's own switch silences all", "10s +12s switch-dark switch=s-2\n", "NodeDown pi-1 18 25\nNodeDown pi-3 18 25",
			"switch-dark s-2: (the monitor goes on to hear all, or is cut off itself) NodeDown after 8.000s\n" +
				"NodeDown from 10.000s +12.000s switch-dark switch=s-2\nNodeDown from 10.000s +12.000s switch-dark switch=s-2\n"},
		{"beyond its uplink, all on the other switches are silent", "10s +12s uplink-cut switch=s-2\n", "NodeDown pi-1 18 25\nNodeDown pi-3 18 25",
			"uplink-cut s-2: (the monitor goes on to hear all, or is cut off itself) NodeDown after 8.000s\n" +
				"NodeDown from 10.000s +12.000s uplink-cut switch=s-2\nNodeDown is false\n"},
		{"one direction is enough to silence a machine", "10s +12s partition-oneway link=pi-2>*\n", "NodeSilent pi-2 18 25",
			"partition-oneway pi-2>*: NodeSilent after 8.000s\nNodeSilent from 10.000s +12.000s partition-oneway link=pi-2>*\n"},
		{"a link between others does not, but a member may say so", "10s +12s partition-oneway link=pi-2>pi-3\n", "StoreMemberCutOff pi-3 18 25",
			"partition-oneway pi-2>pi-3: (the monitor goes on to hear all, or is cut off itself) StoreMemberCutOff after 8.000s\n" +
				"StoreMemberCutOff from 10.000s +12.000s partition-oneway link=pi-2>pi-3\n"},
		{"a symptom comes from any fault of its time", kill, "NodeRestarted pi-1 16 46\nPicloudLBErrors - 20 60",
			"kill pi-1: NodeRestarted after 6.000s\nNodeRestarted from 10.000s +2.000s kill machine=pi-1\nPicloudLBErrors from 10.000s +2.000s kill machine=pi-1\n"},
		{"long afterwards it is false", kill, "NodeRestarted pi-1 16 46\nPicloudLBErrors - 43 60",
			"kill pi-1: NodeRestarted after 6.000s\nNodeRestarted from 10.000s +2.000s kill machine=pi-1\nPicloudLBErrors is false\n"},
		{"but what counts the failures of five minutes", kill, "NodeRestarted pi-1 16 46\nPicloudDBErrorsSlow level:db-answers 43 60\nPicloudDBErrorsFast level:db-answers 43 60",
			"kill pi-1: NodeRestarted after 6.000s\nNodeRestarted from 10.000s +2.000s kill machine=pi-1\nPicloudDBErrorsFast is false\n" +
				"PicloudDBErrorsSlow from 10.000s +2.000s kill machine=pi-1\n"},
		{"what cannot be named may be", "10s +0s disk-rot machine=pi-2 bits=9\n", "StoreDamaged pi-2 24 60",
			"disk-rot pi-2: (nobody can know before the place is read again, whenever that is) StoreDamaged after 14.000s\nStoreDamaged from 10.000s +0.000s disk-rot machine=pi-2 bits=9\n"},
		{"a small delay need not be named", "10s +12s net-delay link=pi-2>* delay=20ms\n", "", "net-delay pi-2>*: (too small: a delay of 300ms is needed) \n"},
		{"when the run ends there is no time left", "190s +2s kill machine=pi-1\n", "", "kill pi-1: (the run ended too soon) \n"},
		{"a quiet run has false alerts only", "", "NodeSlow pi-1 5 6", "NodeSlow is false\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := rack(chaos.Kill, chaos.MemoryLimit, chaos.Pause, chaos.ClockStep, chaos.PartitionMinority, chaos.SwitchDark, chaos.PartitionOneWay, chaos.DiskClone)
			if got := told(accounted(t, w, c.schedule, c.alerts)); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestADeathExplainsWhatFollowsIt(t *testing.T) {
	const rot = "10s +0s disk-rot machine=pi-2 bits=9"
	death := reports.Death{Machine: "pi-2", At: 100e9, AllowedBy: "10.000s +0.000s disk-rot machine=pi-2 bits=9"}
	const alerts = "NodeRestarted pi-2 104 134\nPicloudLBErrors - 110 120"
	if got := told(accounted(t, rack(), rot, alerts, death)); strings.Contains(got, "false") {
		t.Errorf("with a death\n%s", got)
	}
	if got := told(accounted(t, rack(), rot, alerts)); !strings.Contains(got, "PicloudLBErrors is false") {
		t.Errorf("without one\n%s", got)
	}
}

// TestACardThatPausesByNatureIsNobodysFault: who calls it slow is right.
func TestACardThatPausesByNatureIsNobodysFault(t *testing.T) {
	w := rack()
	w.Pausing = map[string]string{"pi-1": "sd-a1"}
	got := told(accounted(t, w, "", "StoreCardSlow pi-1 18 25\nStoreCardSlow pi-2 18 25\nStoreDamaged pi-1 18 25"))
	if want := "StoreCardSlow from its card, sd-a1, which pauses\nStoreCardSlow is false\nStoreDamaged is false\n"; got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

// TestADarkRootSilencesOtherShelves: all wires between them pass it.
func TestADarkRootSilencesOtherShelves(t *testing.T) {
	w := rack()
	w.Topology.Switches = append(w.Topology.Switches, "s-3")
	w.Topology.Machines = append(w.Topology.Machines, chaos.Machine{Name: "pi-4", Role: "node", Switch: "s-3"})
	w.Nodes = append(w.Nodes, "pi-4")
	if got := told(accounted(t, w, "10s +12s switch-dark switch=s-1", "NodeSilent pi-4 18 25")); strings.Contains(got, "false") {
		t.Errorf("the monitor is behind s-2\n%s", got)
	}
}

// TestEveryKindIsInTheTable: a kind of which nobody says how it is known is forgotten, not unknowable.
func TestEveryKindIsInTheTable(t *testing.T) {
	for _, spec := range chaos.Catalogue() {
		sign, is := signs()[spec.Kind]
		switch {
		case !is || len(sign.alerts) == 0 && sign.not == "":
			t.Errorf("%s: no alerts, and no reason", spec.Kind)
		case len(sign.alerts) > 0 && sign.within == 0:
			t.Errorf("%s: no time within which it is named", spec.Kind)
		case spec.Instant() && (sign.least > 0 || sign.over):
			t.Errorf("%s happens at an instant and has no length", spec.Kind)
		}
		for _, name := range sign.alerts {
			if effect := effects()[name]; effect == nil || !effect(&spec) {
				t.Errorf("%s names %s, and cannot come from it", name, spec.Kind)
			}
		}
	}
}

func TestNamed(t *testing.T) {
	const (
		schedule = "10s +2s kill machine=pi-1\n60s +2s kill machine=pi-2\n"
		both     = "NodeRestarted pi-1 16 46\nNodeRestarted pi-2 66 96\n"
	)
	for _, c := range []struct {
		schedule, alerts string
		minimum, most    int
		want             string
	}{
		{schedule, both, 2, 0, "pass alerts named 2 of 2 faults in time, 0 more were hidden by others; 0 of 2 alerts were false"},
		{schedule, both, 3, 0, "inconclusive saw 2"},
		{schedule, "NodeRestarted pi-1 16 46\n", 2, 0, "fail alerts named too few faults, 900000 ppm of them are wanted; none named kill pi-2 at 60.000s; alerts named 1 of 2 faults in time, 0 more were hidden by others; 0 of 1 alerts were false"},
		{schedule, both + "ClockOff pi-3 5 6\n", 2, 0, "fail too many alerts were false, 0 are allowed; nothing explains ClockOff instance=pi-3 at 5.000s; alerts named 2 of 2 faults in time, 0 more were hidden by others; 1 of 3 alerts were false"},
		{schedule, both + "ClockOff pi-3 5 6\n", 2, 1, "pass"},
		{schedule, both + "ClockOff pi-3 5 6\n", 2, -1, "pass"},
		{"", "", 0, 0, "pass alerts named 0 of 0"},
	} {
		r := accounted(t, rack(chaos.Kill), c.schedule, c.alerts)
		got := Named(r, 900_000, c.minimum, c.most)
		if text := string(got.Status) + " " + got.Detail; !strings.HasPrefix(text, c.want) {
			t.Errorf("%s%s: %s; it should say %q", c.schedule, c.alerts, text, c.want)
		}
	}
}

// TestAlertsThatNamedTooLittleAreNoFalseAlerts: a sweep knows each of the two failures by its reason.
func TestAlertsThatNamedTooLittleAreNoFalseAlerts(t *testing.T) {
	for _, c := range []struct{ schedule, alerts, want string }{
		{"10s +2s kill machine=pi-1\n", "", "alerts named too few faults, # ppm of them are wanted"},
		{"", "ClockOff pi-3 5 6\n", "too many alerts were false, # are allowed"},
	} {
		check := Named(accounted(t, rack(chaos.Kill), c.schedule, c.alerts), 900_000, 0, 0)
		if got := reports.Signature(&check); got != c.want {
			t.Errorf("%s%s: it is known by %q, want %q", c.schedule, c.alerts, got, c.want)
		}
	}
}
