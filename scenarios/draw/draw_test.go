package draw

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"picloud/scenarios"
	"picloud/sim/event"
)

// TestADrawnScenarioIsAFileThatReplaysIt draws scenarios of every tier and makes their schedules.
func TestADrawnScenarioIsAFileThatReplaysIt(t *testing.T) {
	tiers := map[Tier]int{}
	kinds := map[string]bool{}
	for seed := range uint64(300) {
		name := fmt.Sprintf("drawn-%d", seed)
		d, err := Scenario(FromSeed(seed), name, Tiers()...)
		if err != nil {
			t.Fatal(err)
		}
		tiers[d.Tier]++
		again, err := Scenario(FromSeed(seed), name, Tiers()...)
		if err != nil || !bytes.Equal(again.Scenario.Text(), d.Scenario.Text()) {
			t.Fatalf("seed %d draws two scenarios (%v)", seed, err)
		}
		file, err := scenarios.Parse("file.yaml", d.Scenario.Text())
		if err != nil {
			t.Fatal(err)
		}
		of := func(s *scenarios.Scenario) string {
			schedule, err := s.Schedule(func(name string) *rand.Rand { return event.Stream(seed, name) })
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, s.Text())
			}
			for _, f := range schedule {
				kinds[string(f.Kind)] = true
			}
			return schedule.String()
		}
		if of(file) != of(d.Scenario) {
			t.Errorf("seed %d: the file has other faults than the scenario", seed)
		}
	}
	for _, tier := range Tiers() {
		if tiers[tier] < 50 {
			t.Errorf("of 300 scenarios %d are of the tier %s", tiers[tier], tier)
		}
	}
	if len(kinds) < 40 {
		t.Errorf("300 scenarios play %d kinds of faults", len(kinds))
	}
}

// FromRapid draws with rapid, which searches for smaller numbers when something fails.
type fromRapid struct{ *rapid.T }

func (r fromRapid) Int(name string, low, high int) int {
	return rapid.IntRange(low, high).Draw(r.T, name)
}

func TestWhateverIsDrawnIsAScenario(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if _, err := Scenario(fromRapid{t}, "drawn", Tiers()...); err != nil {
			t.Fatal(err)
		}
	})
}

// least gives the smallest numbers.
type least struct{}

func (least) Int(_ string, low, _ int) int { return low }

func TestTheSmallestNumbersGiveTheSimplestCloud(t *testing.T) {
	d, err := Scenario(least{}, "least", Tiers()...)
	if err != nil {
		t.Fatal(err)
	}
	s := d.Scenario
	if d.Tier != Map || len(s.Topology.Machines) != 4 || len(s.Topology.Switches) != 1 || len(s.Faults.Kinds) != len(crashes()) || s.Clients.Count != 2 {
		t.Errorf("the simplest cloud is\n%s", s.Text())
	}
}
