package chaos

import (
	"strings"
	"testing"
	"time"
)

// partly is fiveNodes with a member that has no board, as a monitor, and with relays for two of the others.
func partly() Config {
	c := aimedNodes()
	c.Topology.Groups = [][]string{{"pi-1", "pi-2", "pi-4"}}
	for i := range c.Topology.Machines {
		m := &c.Topology.Machines[i]
		m.Board = m.Board && m.Name != "pi-5"
		m.Fed = m.Name == "pi-1" || m.Name == "pi-3"
	}
	return c
}

// TestFaultsHitWhoHasWhatTheyBreak, whether they are aimed or not: a kind is not drawn where nobody has it.
func TestFaultsHitWhoHasWhatTheyBreak(t *testing.T) {
	for _, aims := range [][]Aim{nil, {{AtLeader, ppmAll}}, {{AtMinority, ppmAll}}, {{AtShelf, ppmAll}}, {{AtTier + "node", ppmAll}}} {
		c := partly()
		c.SwarmRate, c.Kinds, c.Aims = ppmAll, nil, aims
		c.End, c.Limits = 600*time.Second, Limits{OutAtOnce: Everyone, DamagedPerRun: Everyone, ActiveAtOnce: 1000}
		for _, k := range []Kind{Hang, FanDead, SensorStuck, MeterForgets, CableBad, RelayStuck, LinkFlap} {
			c.Kinds = append(c.Kinds, KindRate{k, 20 * time.Second})
		}
		hit := map[Kind]map[string]bool{}
		for seed := range uint64(10) {
			s := generate(t, c, seed)
			if err := c.Topology.Check(s); err != nil {
				t.Errorf("%v: %v", aims, err)
			}
			for _, f := range s {
				if hit[f.Kind] == nil {
					hit[f.Kind] = map[string]bool{}
				}
				hit[f.Kind][f.Target.A[0]] = true
			}
		}
		relays, flaps, fans := hit[RelayStuck], hit[LinkFlap], hit[FanDead]
		if relays["pi-2"] || relays["leader:0"] || !relays["pi-1"] || fans["pi-5"] || len(fans) == 0 || aims == nil && !flaps["pi-5"] {
			t.Errorf("aimed at %v: relays that stick feed %v, dead fans are on %v, wires flap at %v", aims, relays, fans, flaps)
		}
	}
	c := partly()
	for i := range c.Topology.Machines {
		c.Topology.Machines[i].Fed = false
	}
	c.SwarmRate, c.Kinds = ppmAll, []KindRate{{RelayStuck, 20 * time.Second}}
	if s := generate(t, c, 1); len(s) > 0 || len(c.Drawn()) > 0 {
		t.Errorf("where there is no relay comes\n%s", s)
	}
	c.Required = []Kind{RelayStuck}
	if _, err := Generate(c, streams(1)); err == nil || !strings.Contains(err.Error(), "relay-stuck is required, and no machine that faults may hit has a relay that feeds it") {
		t.Error(err)
	}
}

func TestAListedFaultOfWhatAMachineLacksIsRefused(t *testing.T) {
	top := partly().Topology
	tests := []struct{ line, want string }{
		{"1s +20s relay-stuck machine=pi-2", "the fault `1.000s +20.000s relay-stuck machine=pi-2` needs a relay that feeds it, and pi-2 has none"},
		{"1s +20s relay-stuck machine=leader:0", "needs a relay that feeds it, and pi-2, which may be who that is, has none"},
		{"1s +20s fan-dead machine=pi-5", "needs a board, and pi-5 has none"},
		{"1s +20s hang machine=client-1", "needs a board, and client-1 has none"},
		{"1s +20s cpu-lies machines=pi-1,pi-5 above=1mC", "needs a board, and pi-5 has none"},
		{"1s +20s supply-out switch=room", "needs a board, and on room stands none"},
		{"1s +20s relay-stuck machine=pi-3", ""},
		{"1s +20s fan-dead machine=leader:0", ""},
		{"1s +20s link-flap machine=pi-5", ""},
		{"1s +20s cpu-lies machines=pi-1,pi-5", ""},
		{"1s +20s supply-out switch=shelf-2", ""},
		{"1s +20s mains-out switch=room", ""},
	}
	top.Switches = append(top.Switches, "room")
	for _, test := range tests {
		s, err := Parse("s", test.line)
		if err != nil {
			t.Fatal(err)
		}
		err = top.Check(s)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s:\n  got  %v\n  want %s", test.line, err, test.want)
		}
	}
}
