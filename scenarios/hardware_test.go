package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/hw"
)

// shelved is a scenario with boards that the tests of messages spoil line by line.
var shelved = strings.Replace(strings.Replace(small, "    - {name: c-1", `    - {name: pi-2, role: node, program: node, switch: s1, card: ssd, cores: 4, memory: 1GiB}
    - {name: c-1`, 1), "clients:", `hardware:
  air: 30
  default: {model: pi-4b, cooling: fan, batch: a}
  boards:
    pi-2: {model: pi-5, cable: 300}
  shelves: {s1: {watts: 40, closed: 500}}
  relays:
    - {feeds: pi-1, owner: pi-2}
clients:`, 1)

func TestAMistakeAboutHardwareIsFoundAtItsLine(t *testing.T) {
	if _, err := Parse("small.yaml", []byte(shelved)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"name: pi-2, role: node, program: node, switch: s1, card: ssd, cores: 4", "name: pi-2, role: node, program: node, switch: s1, card: ssd, cores: 2",
			`small.yaml:9: topology.machines[1].cores: pi-2 has a board, and so 4 cores, not 2`},
		{"air: 30", "air: 300", `hardware.air: 300 °C, it must be -20 to 60`},
		{"model: pi-4b", "model: pi-4", `small.yaml:11: hardware: pi-1: twin: `},
		{"cooling: fan", "cooling: fans", `small.yaml:11: hardware: pi-1: twin: `},
		{"pi-2: {model: pi-5", "pi-3: {model: pi-5", `hardware.boards.pi-3: no node has this name (did you mean "pi-1"?)`},
		{"cable: 300", "cables: 300", `unknown key "cables" (did you mean "cable"?)`},
		{"s1: {watts", "s2: {watts", `hardware.shelves.s2: no switch has this name (did you mean "s1"?)`},
		{"watts: 40", "watts: -1", `hardware.shelves.s1: -1 W and 500 mK for each are not what shelves have`},
		{"owner: pi-2", "owner: c-1", `hardware.relays[0]: no node has the name "c-1"`},
		{"owner: pi-2", "owner: pi-1", `hardware.relays[0]: a machine has one relay, which others drive`},
		{"owner: pi-2}", "owner: pi-2}\n    - {feeds: pi-1, owner: pi-2}", `hardware.relays[1]: a machine has one relay, which others drive`},
		{"checks:", "without: [helth]\nchecks:", `without[0]: there is no defence "helth" (did you mean "health"?)`},
	} {
		_, err := Parse("small.yaml", []byte(strings.Replace(shelved, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

func TestWhatIsWiredToABoard(t *testing.T) {
	s, err := Parse("small.yaml", []byte(shelved))
	if err != nil {
		t.Fatal(err)
	}
	c := s.Equipment("pi-2")
	if len(c.Relays) != 1 || c.Relays[0] != (hw.Relay{Feeds: "pi-1", Pin: "GPIO17"}) || len(c.Meters) != 1 || c.Meters[0].Of != "pi-1" {
		t.Errorf("pi-2 has %+v", c)
	}
	if c := s.Equipment("pi-1"); len(c.Relays)+len(c.BackupRelays)+len(c.Meters) > 0 {
		t.Errorf("pi-1 has %+v", c)
	}
	for name, want := range map[string]string{"pi-1": "pi-4b", "pi-2": "pi-5"} {
		i := slices.IndexFunc(s.Topology.Machines, func(m Machine) bool { return m.Name == name })
		b, has := s.boardOf(&s.Topology.Machines[i])
		if !has || b.Model != want || b.Cooling != "fan" || b.Batch != "a" {
			t.Errorf("%s has %+v", name, b)
		}
	}
	if client := s.MachinesOf(RoleClient)[0]; true {
		if _, has := s.boardOf(&client); has {
			t.Error("a client's machine has a board")
		}
	}
}

// TestFaultsOfTheHardwareNeedBoards, so others does not stand for them where there are none.
func TestFaultsOfTheHardwareNeedBoards(t *testing.T) {
	for text, want := range map[string]bool{small: false, shelved: true} {
		s, err := Parse("small.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(s.Playable(), string(chaos.FanDead)); got != want {
			t.Errorf("with boards %t, a dead fan can be played: %t", want, got)
		}
	}
}

// TestNobodyIsHitWhoHasNothingToBreak: a monitor has no board, and a machine without a relay none that sticks.
func TestNobodyIsHitWhoHasNothingToBreak(t *testing.T) {
	unwired, _, _ := strings.Cut(shelved, "  relays:")
	unwired += shelved[strings.Index(shelved, "clients:"):]
	for text, want := range map[string]bool{unwired: false, shelved: true} {
		s, err := Parse("small.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(s.Playable(), string(chaos.RelayStuck)); got != want {
			t.Errorf("with relays %t, one that sticks can be played: %t", want, got)
		}
	}
	s, err := Parse("small.yaml", []byte(strings.Replace(shelved, "kinds: {kill: 10s}", "kinds: {others: 5s}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	stuck := 0
	for seed := range uint64(30) {
		schedule, err := s.Schedule(streams(seed))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range schedule {
			if f.Kind == chaos.RelayStuck {
				stuck++
			}
			if f.Kind == chaos.RelayStuck && f.Target.Names() != "pi-1" {
				t.Errorf("seed %d: `%s`", seed, f)
			}
		}
	}
	if stuck == 0 {
		t.Error("no relay sticks")
	}
	for line, want := range map[string]string{
		"relay-stuck machine=pi-2": "needs a relay that feeds it, and pi-2 has none",
		"hang machine=c-1":         "needs a board, and c-1 has none",
	} {
		text := strings.Replace(shelved, "kinds: {kill: 10s}\n  swarm: 1000000ppm", "schedule: |\n    2s +20s "+line, 1)
		if _, err := Parse("small.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// TestFaultsAreAimedAtMachinesAsTheyAre: who has a board, a relay and a watchdog. Without a defence they are the same.
func TestFaultsAreAimedAtMachinesAsTheyAre(t *testing.T) {
	s, err := Load("catalogue")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SwitchOff("health"); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.ChaosTopology().Machines {
		node := m.Role == "node" || m.Role == "late"
		if m.Board != node || m.Fed != node || (m.Watchdog == 15*time.Second) != node {
			t.Errorf("%+v", m)
		}
	}
	if s, err = Parse("small.yaml", []byte(shelved)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []chaos.Machine{{Name: "pi-1", Board: true, Fed: true}, {Name: "pi-2", Board: true}, {Name: "c-1"}} {
		if m := s.ChaosTopology().Machines[i]; m.Name != want.Name || m.Board != want.Board || m.Fed != want.Fed || m.Watchdog != 0 {
			t.Errorf("%+v, want %+v", m, want)
		}
	}
}

// TestASwitchedOffDefenceStandsInTheFile, so that a run is repeated as it was.
func TestASwitchedOffDefenceStandsInTheFile(t *testing.T) {
	s, err := Load("hung-pi")
	if err != nil {
		t.Fatal(err)
	}
	m := s.Topology.Machines[0]
	if s.NodeConfig(&m).Health == nil {
		t.Fatal("it has none")
	}
	if err := s.SwitchOff("health"); err != nil || s.NodeConfig(&m).Health != nil {
		t.Fatalf("it is still there: %v", err)
	}
	again, err := Parse("again.yaml", s.text)
	if err != nil || again.NodeConfig(&m).Health != nil {
		t.Errorf("read back it is there again: %v", err)
	}
	if err := s.SwitchOff("wealth"); err == nil || !strings.Contains(err.Error(), `there is no defence "wealth" (did you mean "health"?)`) {
		t.Error(err)
	}
	if s, err = Load("first-cloud"); err != nil {
		t.Fatal(err)
	}
	if err := s.SwitchOff("health"); err == nil || err.Error() != "no node of the scenario first-cloud has the defence health, so that nothing can be switched off" || len(s.Without) > 0 {
		t.Errorf("what is not there is switched off: %v, %v", err, s.Without)
	}
}

// TestZeroDegreesAreATemperature, and not the one that is taken if there is none.
func TestZeroDegreesAreATemperature(t *testing.T) {
	for text, want := range map[string]string{"air: 30": "30", "air: 0": "0", "": "none"} {
		s, err := Parse("small.yaml", []byte(strings.Replace(shelved, "  air: 30\n", strings.TrimRight("  "+text, " ")+"\n", 1)))
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if s.Hardware.Air != nil {
			got = fmt.Sprint(*s.Hardware.Air)
		}
		if got != want {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// TestABoardHasPinsForSixRelays: more are refused, and not left out.
func TestABoardHasPinsForSixRelays(t *testing.T) {
	for _, relays := range []int{6, 7} {
		var machines, wired strings.Builder
		for i := range relays {
			fmt.Fprintf(&machines, "    - {name: pj-%d, role: node, program: node, switch: s1, card: ssd, cores: 4, memory: 1GiB}\n", i)
			role := []string{"owner: pi-2", "owner: pi-1, backup: pi-2"}[i%2]
			fmt.Fprintf(&wired, "    - {feeds: pj-%d, %s}\n", i, role)
		}
		text := strings.Replace(shelved, "    - {name: c-1", machines.String()+"    - {name: c-1", 1)
		text = strings.Replace(text, "    - {feeds: pi-1, owner: pi-2}\n", wired.String(), 1)
		_, err := Parse("small.yaml", []byte(text))
		if refused := err != nil && strings.Contains(err.Error(), "hardware.relays[6]: pi-2 has pins for 6 relays"); refused != (relays > 6) || err != nil && !refused {
			t.Errorf("%d relays: %v", relays, err)
		}
	}
}
