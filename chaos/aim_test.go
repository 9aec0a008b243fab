package chaos

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// aimedNodes is fiveNodes in two groups, with a share of the faults at each thing that can be aimed at.
func aimedNodes() Config {
	c := fiveNodes()
	c.Topology.Groups = [][]string{{"pi-1", "pi-2", "pi-4"}, {"pi-1", "pi-2", "pi-3", "pi-4", "pi-5"}}
	c.Aims = []Aim{{AtLeader, 300_000}, {AtMinority, 100_000}, {AtShelf, 100_000}, {AtTier + "node", 50_000}}
	return c
}

func TestTheSameSeedAimsTheSameFaults(t *testing.T) {
	s := generate(t, aimedNodes(), 1)
	const golden = "testdata/aimed-seed-1.txt"
	if *update {
		os.WriteFile(golden, []byte(s.String()), 0o644)
	}
	want, err := os.ReadFile(golden)
	if err != nil || s.String() != string(want) {
		t.Errorf("%s differs (%v); if that is meant, run with -update. Got\n%s", golden, err, s)
	}
}

// unlimited leaves nothing out, so that no fault takes the place of another: all happen at an instant.
func unlimited(c Config) Config {
	c.SwarmRate = ppmAll
	c.Limits = Limits{OutAtOnce: Everyone, DamagedPerRun: Everyone, CrashAfterSilentHarm: true, ActiveAtOnce: 1000}
	c.Kinds = []KindRate{{DiskEvict, 5 * time.Second}, {Reset, 5 * time.Second}, {ClockStep, 5 * time.Second}}
	return c
}

// TestFaultsThatAreNotAimedStayAsTheyAre: an aim changes where a fault hits, never when it does or how hard, and those that it leaves
// alone are the same to the letter.
func TestFaultsThatAreNotAimedStayAsTheyAre(t *testing.T) {
	c := unlimited(aimedNodes())
	aims := c.Aims
	c.Aims = nil
	plain := generate(t, c, 3)
	c.Aims = aims
	aimed := generate(t, c, 3)
	moved, kept := 0, 0
	for _, f := range plain {
		same := func(g Fault) bool {
			return g.Kind == f.Kind && g.At == f.At && g.For == f.For && slices.Equal(g.Params, f.Params)
		}
		switch {
		case slices.ContainsFunc(aimed, func(g Fault) bool { return g.String() == f.String() }):
			kept++
		case slices.ContainsFunc(aimed, same):
			moved++
		default:
			t.Errorf("`%s` is gone", f)
		}
	}
	if moved < len(plain)/3 || kept < len(plain)/5 {
		t.Errorf("of %d faults %d were aimed and %d were not, and about as many of each are wanted", len(plain), moved, kept)
	}
}

func TestWhatIsAimedAtIsHit(t *testing.T) {
	tests := []struct {
		at   string
		hits func(machines []string) bool
	}{
		{AtLeader, func(m []string) bool {
			return slices.Equal(m, []string{"leader:0"}) || slices.Equal(m, []string{"leader:1"})
		}},
		{AtMinority, func(m []string) bool { return len(m) == 1 && m[0] != "pi-3" && m[0] != "pi-5" || len(m) == 2 }},
		{AtMajority, func(m []string) bool {
			return len(m) == 3 || len(m) == 2 && !slices.Contains(m, "pi-3") && !slices.Contains(m, "pi-5")
		}},
		{AtShelf, func(m []string) bool {
			return slices.Equal(m, []string{"pi-1", "pi-2", "pi-3"}) || slices.Equal(m, []string{"pi-4", "pi-5"})
		}},
		{AtTier + "node", func(m []string) bool { return len(m) == 5 }},
	}
	for _, test := range tests {
		c := unlimited(aimedNodes())
		c.Aims, c.Kinds = []Aim{{test.at, ppmAll}}, append(c.Kinds, KindRate{PartitionMinority, 9 * time.Second})
		at := map[string][]string{} // the machines that one draw hit
		for _, f := range generate(t, c, 5) {
			key := string(f.Kind) + seconds(f.At)
			for _, name := range slices.Concat(f.Target.A, f.Target.B) {
				if name != "*" {
					at[key] = append(at[key], name)
				}
			}
		}
		for key, machines := range at {
			if slices.Sort(machines); !test.hits(machines) {
				t.Errorf("aimed at a %s: %s hits %v", test.at, key, machines)
			}
		}
	}
}

// TestWhoHasAPartMayBeAnybody: nobody knows when a schedule is made who will lead, so the limits take a fault of the leader for one of
// one member more, and let it crash nobody who has lost what was synced.
func TestWhoHasAPartMayBeAnybody(t *testing.T) {
	c := aimedNodes()
	allows := func(before, then string) bool {
		l := ledger{top: &c.Topology, members: c.Topology.OfRole("node"), limits: c.Limits}
		for _, line := range strings.Split(before, "\n") {
			f, err := ParseFault(line)
			if err != nil {
				t.Fatal(err)
			}
			l.admitted = append(l.admitted, f)
		}
		f, err := ParseFault(then)
		if err != nil {
			t.Fatal(err)
		}
		return l.admit(false, f)
	}
	tests := []struct {
		before, then string
		want         bool
	}{
		{"1s +9s disk-full machine=pi-1", "2s +5s pause machine=leader:0", true},
		{"1s +9s disk-full machine=pi-1\n1s +9s disk-full machine=pi-2", "2s +5s pause machine=leader:0", false},
		{"1s +9s disk-full machine=leader:0\n2s +9s disk-gone machine=leader:0", "3s +9s disk-inodes machine=leader:0", false},
		{"1s +9s disk-full machine=leader:0\n40s +9s disk-gone machine=leader:0", "80s +9s disk-inodes machine=leader:0", true},
		{"1s +5s kill machine=pi-1", "2s +5s kill machine=leader:0", false},
		{"1s +5s disk-fsync-lie machine=pi-1", "20s +5s kill machine=leader:0", false},
		{"1s +5s disk-fsync-lie machine=leader:0", "20s +5s kill machine=pi-1", false},
		{"1s +0s disk-rot machine=leader:0\n9s +0s disk-rot machine=leader:0", "20s +0s disk-rot machine=leader:0", false},
		{"1s +0s disk-rot machine=pi-1\n9s +0s disk-rot machine=pi-1", "20s +0s disk-rot machine=leader:0", true},
	}
	for _, test := range tests {
		if got := allows(test.before, test.then); got != test.want {
			t.Errorf("`%s` after\n%s\nis allowed: %t, want %t", test.then, test.before, got, test.want)
		}
	}
}

func TestAPartIsReplacedByWhoHasIt(t *testing.T) {
	who := func(p Part) (string, bool) {
		name := map[string]string{"leader:0": "pi-2", "follower:0": "pi-1", "leader:2": "pi-2"}[p.String()]
		return name, name != ""
	}
	tests := []struct{ line, want string }{
		{"1.000s +1.000s kill machine=leader:0", "1.000s +1.000s kill machine=pi-2"},
		{"1.000s +1.000s kill machine=pi-9", "1.000s +1.000s kill machine=pi-9"},
		{"1.000s +1.000s clog link=leader:0>follower:0", "1.000s +1.000s clog link=pi-2>pi-1"},
		{"1.000s +1.000s clog link=leader:0>*", "1.000s +1.000s clog link=pi-2>*"},
		{"1.000s +1.000s kill machine=leader:1", ""},              // nobody leads it
		{"1.000s +1.000s clog link=leader:0>leader:2", ""},        // it is the same
		{"1.000s +1.000s clog link=leader:0>pi-2,follower:0", ""}, // and here too
	}
	for _, test := range tests {
		f, err := ParseFault(test.line)
		if err != nil {
			t.Fatal(err)
		}
		aimed, ok := f.Aimed(who)
		if ok != (test.want != "") || ok && aimed.String() != test.want {
			t.Errorf("`%s` hits `%s`, %t; want `%s`", test.line, aimed, ok, test.want)
		}
		if f.String() != test.line {
			t.Errorf("`%s` has become `%s`", test.line, f)
		}
	}
}

// TestACardThatIsToComeBackOldIsNobodysByPart: what it held before is kept before anybody knows who leads.
func TestACardThatIsToComeBackOldIsNobodysByPart(t *testing.T) {
	c := unlimited(aimedNodes())
	c.Aims, c.Kinds = []Aim{{AtLeader, ppmAll}}, []KindRate{{DiskRestore, 9 * time.Second}, {DiskClone, 9 * time.Second}, {DiskWipe, 9 * time.Second}}
	count := map[Kind]int{}
	for seed := range uint64(5) {
		for _, f := range generate(t, c, seed) {
			count[f.Kind]++
			if f.Target.ByPart() != (f.Kind == DiskWipe) {
				t.Errorf("seed %d: `%s`", seed, f)
			}
		}
	}
	if count[DiskRestore] == 0 || count[DiskClone] == 0 || count[DiskWipe] == 0 {
		t.Errorf("drawn are %v", count)
	}
}
