package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/chaos"
)

func TestAScenarioSaysWhichChecksItMakes(t *testing.T) {
	for _, name := range Names() {
		s, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		var made []string
		for _, c := range s.Judge(Run{Ended: time.Duration(s.Duration)}).Checks {
			made = append(made, c.Name)
		}
		if want := slices.Sorted(slices.Values(made)); !slices.Equal(slices.Sorted(slices.Values(s.CheckNames())), want) {
			t.Errorf("%s says that it makes %v, and makes %v", name, s.CheckNames(), made)
		}
	}
}

func TestAScenarioSaysWhichKindsItMayPlay(t *testing.T) {
	for name, want := range map[string]string{
		"quiet":   "",
		"hung-pi": "power-cut hang",
		// One machine has no other side, and no switch beside its own.
		"lone-store": "kill power-cut pause disk-fsync-fail disk-evict disk-full disk-readonly disk-slow disk-stall disk-gone",
	} {
		s, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Kinds(), " "); got != want {
			t.Errorf("%s may play %q, want %q", name, got, want)
		}
	}
	text := strings.Replace(small, "{kill: 10s}", "{others: 10s}", 1) // one switch, one node
	s, err := Parse("small.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"uplink-cut", "partition-minority", "partition-ring", "fan-dead"} {
		if slices.Contains(s.Kinds(), kind) {
			t.Errorf("a cloud of one node may play %s", kind)
		}
	}
	if !slices.Contains(s.Kinds(), "net-loss") {
		t.Errorf("a cloud of one node may play %v", s.Kinds())
	}
}

func TestMembersThatMoveNeedANodeToMoveTo(t *testing.T) {
	text, err := files.ReadFile("stalled-store.yaml") // three nodes, all of them in the one group
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("file.yaml", []byte(strings.Replace(string(text), "watchers: 0", "watchers: 0\n  moves: true", 1)))
	if err == nil || !strings.Contains(err.Error(), "store.moves: members of a group move to another node") {
		t.Error(err)
	}
}

// TestTheScenarioCatalogueDrawsEveryKind: a kind that no scenario draws is never seen to be felt. Two cards that change places are more
// than the limits of a drawn schedule allow; swapped-cards plays that.
func TestTheScenarioCatalogueDrawsEveryKind(t *testing.T) {
	s, err := Load("catalogue")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range chaos.Kinds() {
		two := kind == string(chaos.DiskSwap) || kind == string(chaos.DiskClone)
		if two == slices.Contains(s.Kinds(), kind) {
			t.Errorf("it cannot draw %s", kind)
		}
	}
}
