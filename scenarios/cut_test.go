package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/sim/event"
)

// TestEveryScenarioCanBeCut takes from each scenario half of its faults, and plays what is left: its file says just that.
func TestEveryScenarioCanBeCut(t *testing.T) {
	for _, name := range Names() {
		whole, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		all, err := whole.Schedule(event.NewLoop(1).Stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, faults := range []chaos.Schedule{nil, all[:len(all)/2], all} {
			cut, err := whole.Cut(Cut{Moral: "less: [of it]", Faults: faults, Amounts: whole.Amounts()})
			if err != nil {
				t.Errorf("%s with %d of %d faults: %v", name, len(faults), len(all), err)
				continue
			}
			if got, want := len(cut.Faults.Required), required(whole, faults); got != want {
				t.Errorf("%s: of the kinds that are required %d are there, and %d in the file", name, want, got)
			}
			left, err := cut.Schedule(event.NewLoop(2).Stream)
			if err != nil || left.String() != faults.String() {
				t.Errorf("%s: %v, the file says\n%swant\n%s", name, err, left, faults)
			}
			if cut.Moral != "less: [of it]" || cut.Duration != whole.Duration || cut.Users != nil && cut.Users.Count != whole.Users.Count {
				t.Errorf("%s became another scenario:\n%s", name, cut.Text())
			}
			if again, err := Parse("again.yaml", cut.Text()); err != nil || string(again.Text()) != string(cut.Text()) {
				t.Errorf("%s: its text is not read back: %v", name, err)
			}
		}
	}
}

// required counts the kinds that a scenario requires and that are among some faults.
func required(s *Scenario, faults chaos.Schedule) (n int) {
	for _, k := range s.Faults.Required {
		if slices.ContainsFunc(faults, func(f chaos.Fault) bool { return f.Kind == k }) {
			n++
		}
	}
	return n
}

func TestACutHasSmallerSizesAndOtherCards(t *testing.T) {
	whole, err := Load("short-store")
	if err != nil {
		t.Fatal(err)
	}
	amounts := whole.Amounts()
	for i, want := range []string{"clients.count: 8", "store.appenders: 2", "store.watchers: 1", "duration: 60s"} {
		if amounts[i].String() != want {
			t.Errorf("size %d is %q, want %q", i, amounts[i], want)
		}
	}
	amounts[0].Value, amounts[1].Value, amounts[3].Value = 3, 0, int64(31*time.Second)
	cut, err := whole.Cut(Cut{Amounts: amounts, Cards: map[string]string{"pi-2": "nvme"}})
	if err != nil {
		t.Fatal(err)
	}
	if cut.Clients.Count != 3 || cut.Store.Appenders != 0 || cut.Store.Watchers != 1 ||
		cut.Duration != Duration(31*time.Second) || cut.Topology.Machines[1].Card != "nvme" {
		t.Errorf("the cut scenario is\n%s", cut.Text())
	}
}

func TestACutKeepsTheRulesOfScenarios(t *testing.T) {
	whole, err := Load("short-cloud")
	if err != nil {
		t.Fatal(err)
	}
	late, err := chaos.Parse("late.txt", "40s +2s kill machine=pi-1\n")
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Cut{
		"everything must be healed": {Faults: late, Amounts: []Amount{{"duration", int64(50 * time.Second)}}},
		"0 clients":                 {Amounts: []Amount{{"clients.count", 0}}},
		"there is no users.count":   {Amounts: []Amount{{"users.count", 1}}},
		"no machine \"pi-9\"":       {Cards: map[string]string{"pi-9": "ssd"}},
		"unknown card":              {Cards: map[string]string{"pi-1": "floppy"}},
	} {
		if _, err := whole.Cut(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestACutLeavesEachMachineAClient: a program without any would end, and that would look like a failure of the cloud.
func TestACutLeavesEachMachineAClient(t *testing.T) {
	whole, err := Load("short-store")
	if err != nil {
		t.Fatal(err)
	}
	for count, want := range map[int64]string{2: "", 1: "1 clients cannot be on 2 machines"} {
		_, err := whole.Cut(Cut{Amounts: []Amount{{"clients.count", count}}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d clients: %v", count, err)
		}
	}
}
