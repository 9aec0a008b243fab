package chaos

import (
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// streams gives a random stream for each name of a seed.
func streams(seed uint64) func(string) *rand.Rand {
	return func(name string) *rand.Rand {
		h := fnv.New64a()
		h.Write([]byte(name))
		return rand.New(rand.NewPCG(seed, h.Sum64()))
	}
}

// fiveNodes is five members on two switches with a client, and every kind of fault.
func fiveNodes() Config {
	c := Config{
		Topology: Topology{
			Switches: []string{"shelf-1", "shelf-2"},
			Machines: []Machine{
				board("pi-1", "shelf-1"), board("pi-2", "shelf-1"), board("pi-3", "shelf-1"), board("pi-4", "shelf-2"), board("pi-5", "shelf-2"),
				{Name: "client-1", Role: "client", Switch: "shelf-2"},
			},
		},
		Roles:     []string{"node"},
		Start:     5 * time.Second,
		End:       125 * time.Second,
		SwarmRate: 500_000,
		Limits:    DefaultLimits(),
	}
	for _, k := range kindsWhere(func(s Spec) bool { return !s.Beyond }) {
		c.Kinds = append(c.Kinds, KindRate{k, 20 * time.Second})
	}
	return c
}

// board is a node that a relay feeds.
func board(name, shelf string) Machine {
	return Machine{Name: name, Role: "node", Switch: shelf, Board: true, Fed: true}
}

func kindsWhere(so func(Spec) bool) (all []Kind) {
	for _, spec := range Catalogue() {
		if so(spec) {
			all = append(all, spec.Kind)
		}
	}
	return all
}

func generate(t rapid.TB, c Config, seed uint64) Schedule {
	t.Helper()
	s, err := Generate(c, streams(seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSameSeedGivesTheSameSchedule(t *testing.T) {
	s := generate(t, fiveNodes(), 1)
	if len(s) < 10 {
		t.Errorf("only %d faults in two minutes", len(s))
	}
	if again := generate(t, fiveNodes(), 1); again.String() != s.String() {
		t.Errorf("first\n%sthen\n%s", s, again)
	}
	if other := generate(t, fiveNodes(), 2); other.String() == s.String() {
		t.Error("another seed gave the same schedule")
	}
	const golden = "testdata/seed-1.txt"
	if *update {
		os.WriteFile(golden, []byte(s.String()), 0o644)
	}
	want, err := os.ReadFile(golden)
	if err != nil || s.String() != string(want) {
		t.Errorf("%s differs (%v); if that is meant, run with -update. Got\n%s", golden, err, s)
	}
}

// TestGeneratedSchedulesKeepTheLimits counts again what the generator promises, at the
// start of every fault and without its code.
func TestGeneratedSchedulesKeepTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := fiveNodes()
		c.Limits.StormRate = 0
		c.SwarmRate = rapid.SampledFrom([]int64{0, 300_000, 1_000_000}).Draw(t, "swarm")
		// A shelf without power leaves no room for many others, nor does a crash that waits for its moment, nor one that takes an erase block
		// along: whoever has lost data is not crashed later. Two minutes are too short for one of every kind.
		const most = 25
		soft := kindsWhere(func(s Spec) bool {
			return s.Class != ClassHardware && !s.Beyond && s.Kind != CrashAtOp && s.Kind != CrashAtPoint && s.Kind != DiskErase
		})
		c.Required = rapid.Permutation(soft).Draw(t, "kinds")[:rapid.IntRange(0, most).Draw(t, "required")]
		if rapid.Bool().Draw(t, "aimed") {
			c.Topology.Groups, c.Aims = aimedNodes().Topology.Groups, aimedNodes().Aims
			c.Required = nil // it may find no place: who leads may be whoever another one needs
		}
		s := generate(t, c, rapid.Uint64().Draw(t, "seed"))
		if err := c.Topology.Check(s); err != nil {
			t.Fatal(err)
		}
		if again, err := Parse("generated", s.String()); err != nil || again.String() != s.String() {
			t.Fatalf("%v\n%s", err, s)
		}
		for _, k := range c.Required {
			if !slices.ContainsFunc(s, func(f Fault) bool { return f.Kind == k }) {
				t.Fatalf("%s is required and missing", k)
			}
		}
		if s.End() > c.End || len(s) > 0 && s[0].At < c.Start {
			t.Fatalf("faults from %s to %s", s[0].At, s.End())
		}
		damaged := map[string]bool{}
		for _, start := range s {
			at, down := start.At, map[string]bool{}
			for _, f := range s {
				spec, _ := Lookup(f.Kind)
				hit := f.Target.A[0]
				if f.Target.ByPart() {
					hit = f.Name()
				}
				if spec.Harm != HarmNone {
					damaged[hit] = true
				}
				if spec.Restarts && f.Target.ByPart() && f.At <= at && at <= f.End() {
					down[hit] = true // one more, whoever it is
				}
				if !spec.Restarts || f.At > at || at > f.End() {
					continue
				}
				for _, m := range c.Topology.Machines {
					if f.Target.A[0] != m.Name && f.Target.A[0] != m.Switch || m.Role == "client" {
						continue
					}
					if down[m.Name] {
						t.Fatalf("%s is stopped twice at %s:\n%s", m.Name, at, s)
					}
					down[m.Name] = true
				}
			}
			if len(down) > 2 {
				t.Fatalf("%v are down at %s:\n%s", down, at, s)
			}
		}
		if len(damaged) > 2 {
			t.Fatalf("%v have damaged data:\n%s", damaged, s)
		}
	})
}

func TestAMachineThatLostSyncedDataIsNotCrashedLater(t *testing.T) {
	for seed := range uint64(200) {
		c := fiveNodes()
		c.SwarmRate = 1_000_000
		s := generate(t, c, seed)
		for i, f := range s {
			spec, _ := Lookup(f.Kind)
			for _, later := range s[i:] {
				if spec.Harm == HarmSilent && later.Target.A[0] == f.Target.A[0] &&
					(later.Kind == PowerCut || later.Kind == Kill || later.Kind == DiskEvict) {
					t.Fatalf("seed %d: `%s` comes after `%s`", seed, later, f)
				}
			}
		}
	}
}

func TestARequiredFaultFindsItsProcess(t *testing.T) {
	for seed := range uint64(200) {
		c := fiveNodes()
		c.Required = []Kind{Kill}
		c.Limits.DamagedPerRun, c.Limits.OutAtOnce = Everyone, Everyone
		s := generate(t, c, seed)
		undisturbed := func(kill Fault) bool {
			return kill.Kind == Kill && !slices.ContainsFunc(s, func(f Fault) bool {
				spec, _ := Lookup(f.Kind)
				return f.String() != kill.String() && f.Target.A[0] == kill.Target.A[0] &&
					(spec.AllowsDeath || spec.Restarts) && (overlap(&f, &kill, 0) || spec.Harm != HarmNone && f.At < kill.At)
			})
		}
		if !slices.ContainsFunc(s, undisturbed) {
			t.Fatalf("seed %d: every kill may find no process:\n%s", seed, s)
		}
	}
}

func TestStormsReachBeyondAMinority(t *testing.T) {
	c := fiveNodes()
	c.Limits.StormRate = ppmAll
	c.Limits.ActiveAtOnce = 100
	c.SwarmRate = 0
	c.Kinds = []KindRate{{PowerCut, 5 * time.Second}}
	c.Required = []Kind{PowerCut}
	most := 0
	for seed := range uint64(20) {
		s := generate(t, c, seed)
		for _, f := range s {
			down := 0
			for _, g := range s {
				if g.At <= f.At && f.At <= g.End() {
					down++
				}
			}
			most = max(most, down)
		}
	}
	if most < 3 {
		t.Errorf("at most %d of 5 machines lose power at one time, want a majority sometimes", most)
	}
}

func TestLeavingOutAKindMovesNoOtherFault(t *testing.T) {
	c := fiveNodes()
	c.SwarmRate = 1_000_000
	// Without limits no fault takes the place of another.
	c.Limits = Limits{OutAtOnce: Everyone, DamagedPerRun: Everyone, CrashAfterSilentHarm: true, ActiveAtOnce: 1000}
	c.Kinds = slices.DeleteFunc(c.Kinds, func(k KindRate) bool {
		spec, _ := Lookup(k.Kind)
		return spec.Restarts || k.Kind == Pause || spec.Class == ClassDisk
	})
	all := generate(t, c, 7)
	c.Kinds = slices.DeleteFunc(c.Kinds, func(k KindRate) bool { return k.Kind == NetLoss })
	rest := generate(t, c, 7)
	all = slices.DeleteFunc(all, func(f Fault) bool { return f.Kind == NetLoss })
	if all.String() != rest.String() {
		t.Errorf("with net-loss left out later\n%sand from the start\n%s", all, rest)
	}
}

// TestEveryKindIsDrawn guards against a kind whose limits never let it in.
func TestEveryKindIsDrawn(t *testing.T) {
	count := map[Kind]int{}
	beyond := fiveNodes()
	beyond.Limits = Limits{OutAtOnce: Minority, DamagedPerRun: Everyone, CrashAfterSilentHarm: true, ActiveAtOnce: 6}
	for i := range beyond.Kinds {
		beyond.Kinds[i].Every = time.Minute
	}
	for _, k := range kindsWhere(func(s Spec) bool { return s.Beyond }) {
		beyond.Kinds = append(beyond.Kinds, KindRate{k, 20 * time.Second})
	}
	for seed := range uint64(50) {
		for _, c := range []Config{fiveNodes(), beyond} {
			for _, f := range generate(t, c, seed) {
				count[f.Kind]++
			}
		}
	}
	for _, k := range Kinds() {
		if count[Kind(k)] < 5 {
			t.Errorf("%s was drawn %d times in 50 seeds", k, count[Kind(k)])
		}
	}
}

// TestALyingTimeServerFoolsTheMembersOfAShelf, and nobody who judges them.
func TestALyingTimeServerFoolsTheMembersOfAShelf(t *testing.T) {
	c := fiveNodes()
	c.SwarmRate = 0
	c.Required = []Kind{NTPLies}
	fooled := map[string]bool{}
	for seed := range uint64(20) {
		for _, f := range generate(t, c, seed) {
			fooled[f.Target.Names()] = true
		}
	}
	if len(fooled) != 2 || !fooled["pi-1,pi-2,pi-3"] || !fooled["pi-4,pi-5"] {
		t.Errorf("fooled are %v", fooled)
	}
}

// TestARingHidesSomebodyFromEach: of three machines each sees both others, so nothing would happen.
func TestARingHidesSomebodyFromEach(t *testing.T) {
	for _, test := range []struct {
		members int
		drawn   bool
	}{{3, false}, {4, true}, {5, true}} {
		c := fiveNodes()
		for i := range c.Topology.Machines[test.members:5] {
			c.Topology.Machines[test.members+i].Role = "client"
		}
		c.SwarmRate, c.Kinds = ppmAll, []KindRate{{PartitionRing, 20 * time.Second}, {PartitionBridge, 20 * time.Second}}
		rings := func(k Kind) bool { return k == PartitionRing }
		if got := slices.ContainsFunc(generate(t, c, 1), func(f Fault) bool { return rings(f.Kind) }); got != test.drawn {
			t.Errorf("of %d members a ring is made: %t", test.members, got)
		}
		if got := slices.ContainsFunc(c.Drawn(), rings); got != test.drawn {
			t.Errorf("of %d members a ring can be drawn: %t", test.members, got)
		}
	}
}

func TestABadConfigIsRefused(t *testing.T) {
	tests := []struct {
		spoil func(*Config)
		want  string
	}{
		{func(c *Config) { c.End = c.Start }, "there is no time for them"},
		{func(c *Config) { c.Roles = []string{"nod"} }, `no machine has a role in ["nod"]`},
		{func(c *Config) { c.Kinds[0].Kind = "kil" }, `unknown fault kind "kil" (did you mean "kill"?)`},
		{func(c *Config) { c.Kinds[0].Every = 0 }, "kill every 0s is too often"},
		{func(c *Config) { c.Kinds[1].Kind = Kill }, "kill stands twice"},
		{func(c *Config) { c.Required = []Kind{"pause-it"} }, `"pause-it" is required but not among the kinds`},
		{func(c *Config) { c.Aims = []Aim{{"ledaer", 1}} }, `no fault can be aimed at "ledaer" (did you mean "leader"?): there are leader, minority, majority, shelf, tier:node`},
		{func(c *Config) { c.Aims = []Aim{{"tier:lb", 1}} }, `no fault can be aimed at "tier:lb"`},
		{func(c *Config) { c.Aims = []Aim{{AtLeader, 1}} }, "faults are aimed at a leader, and there is no group"},
		{func(c *Config) { c.Aims = []Aim{{AtShelf, 0}} }, "0 ppm of the faults are aimed at a shelf"},
		{func(c *Config) { c.Aims = []Aim{{AtShelf, 600_000}, {AtTier + "node", 500_000}} }, "1100000 ppm of the faults are aimed"},
		{func(c *Config) { c.SwarmRate = -1 }, "the swarm rate is -1 ppm"},
		{func(c *Config) { c.Limits.OutAtOnce = "most" }, `a limit is "most"`},
		{func(c *Config) { c.Limits.DamagedPerRun, c.Required = Nobody, []Kind{DiskRot} },
			"the required fault disk-rot finds no place between 5.000s and 125.000s within the limits"},
	}
	for _, test := range tests {
		c := fiveNodes()
		test.spoil(&c)
		_, err := Generate(c, streams(1))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestAFaultAimedAtNothingIsFound(t *testing.T) {
	alone, grouped := fiveNodes().Topology, aimedNodes().Topology
	tests := []struct {
		top  *Topology
		line string
		want string
	}{
		{&alone, "1s +1s kill machine=pi-9", `aims at an unknown machine "pi-9" (did you mean "pi-1"?)`},
		{&alone, "1s +1s kill machine=leader:0", "aims at leader:0, and nobody can say here who that is: name a machine"},
		{&grouped, "1s +1s kill machine=leader:2", "aims at leader:2, and the groups are 0 to 1"},
	}
	for _, test := range tests {
		s, err := Parse("s", test.line)
		if err != nil {
			t.Fatal(err)
		}
		if err = test.top.Check(s); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.line, err)
		}
	}
}
