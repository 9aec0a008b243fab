package scenarios

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/sim/event"
)

func streams(seed uint64) func(string) *rand.Rand {
	return func(name string) *rand.Rand { return event.Stream(seed, name) }
}

func TestTheScenariosOfTheProgramLoadAndGiveSchedules(t *testing.T) {
	for _, name := range Names() {
		s, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name != name {
			t.Errorf("%s.yaml says that its name is %s", name, s.Name)
		}
		for seed := range uint64(20) {
			schedule, err := s.Schedule(streams(seed))
			if err != nil {
				t.Fatalf("%s, seed %d: %v", name, seed, err)
			}
			if schedule.End() > s.HealedAt() {
				t.Errorf("%s, seed %d: a fault ends at %s", name, seed, schedule.End())
			}
			for _, k := range s.Faults.Required {
				if !has(schedule, k) {
					t.Errorf("%s, seed %d: no %s", name, seed, k)
				}
			}
		}
	}
}

func has(s chaos.Schedule, k chaos.Kind) bool {
	for _, f := range s {
		if f.Kind == k {
			return true
		}
	}
	return false
}

func TestFirstCloudHasRoomForEveryKindOfFault(t *testing.T) {
	s, err := Load("first-cloud")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[chaos.Kind]bool{}
	for seed := range uint64(60) {
		schedule, err := s.Schedule(streams(seed))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range schedule {
			seen[f.Kind] = true
		}
	}
	for _, name := range s.Playable() {
		if !seen[chaos.Kind(name)] {
			t.Errorf("%s is in none of 60 schedules", name)
		}
	}
}

// TestDrawnIsWhatSchedulesCanHave: of a generator what its limits and its topology leave, of a list what stands there.
func TestDrawnIsWhatSchedulesCanHave(t *testing.T) {
	for _, c := range []struct {
		name          string
		with, without []chaos.Kind
		change        func(*Scenario)
	}{
		{name: "first-cloud", with: []chaos.Kind{chaos.UplinkCut, chaos.DiskRot, chaos.NTPLies}, without: []chaos.Kind{chaos.DiskWipe, chaos.FanDead}},
		{name: "first-cloud", with: []chaos.Kind{chaos.DiskWipe}, without: []chaos.Kind{chaos.DiskSwap}, change: func(s *Scenario) {
			s.Faults.Kinds = append(s.Faults.Kinds, KindRate{Kind: string(chaos.DiskWipe), Every: s.Faults.Kinds[0].Every})
		}},
		{name: "first-cloud", without: []chaos.Kind{chaos.DiskRot, chaos.DiskLostWrite}, change: func(s *Scenario) {
			nobody := chaos.Nobody
			s.Faults.Limits.DamagedPerRun = &nobody
		}},
		{name: "hung-pi", with: []chaos.Kind{chaos.Hang}, without: []chaos.Kind{chaos.Kill}},
	} {
		s, err := Load(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			c.change(s)
		}
		got := s.Kinds()
		for _, kind := range c.with {
			if !slices.Contains(got, string(kind)) {
				t.Errorf("%s: %s is not among %q", c.name, kind, got)
			}
		}
		for _, kind := range c.without {
			if slices.Contains(got, string(kind)) {
				t.Errorf("%s: %s is drawn", c.name, kind)
			}
		}
	}
}

// small is a scenario that the tests of messages spoil line by line.
const small = `name: small
moral: One node.
duration: 60s
liveness: 20s
topology:
  switches: [s1]
  machines:
    - {name: pi-1, role: node, program: node, switch: s1, card: ssd, cores: 4, memory: 1GiB}
    - {name: c-1, role: client, program: client, switch: s1, card: ssd, cores: 1, memory: 64MiB}
clients:
  count: 2
  operations: {read: 1, write: 1}
  keys: {in-use: 2, retire-after: 50}
  timeout: 1s
faults:
  roles: [node]
  kinds: {kill: 10s}
  swarm: 1000000ppm
checks:
  live: {minimum: 10, after: 2s, within: 1s, share: 990000ppm}
`

func TestAMistakeIsFoundAtItsLine(t *testing.T) {
	if _, err := Parse("small.yaml", []byte(small)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ old, new, want string }{
		{"moral:", "morale:", `small.yaml:2: unknown key "morale" (did you mean "moral"?)`},
		{"cores: 1,", "core: 1,", `small.yaml:9: topology.machines[1]: unknown key "core" (did you mean "cores"?)`},
		{"moral: One node.", "moral: One node.\nmoral: Two.", `small.yaml:3: the key "moral" stands twice`},
		{"duration: 60s", "duration: sixty", `small.yaml:3: duration: "sixty" is not a duration like 20ms or 150s`},
		{"duration: 60s", "duration: 10s", `small.yaml:4: liveness: the last part, 20s, is not shorter than the run, 10s`},
		{"memory: 64MiB", "memory: 64", `small.yaml:9: topology.machines[1].memory: "64" is not a size like 512MiB or 4GiB`},
		{"count: 2", "count: two", `small.yaml:11: clients.count: want a whole number, not "two"`},
		{"count: 2", "count: 0", `small.yaml:11: clients.count: 0 clients, it must be 1 to 1000`},
		{"switches: [s1]", "switches: s1", `small.yaml:6: topology.switches: want a list`},
		{"switch: s1, card: ssd, cores: 4", "switch: s2, card: ssd, cores: 4",
			`small.yaml:8: topology.machines[0].switch: unknown switch "s2" (did you mean "s1"?)`},
		{"card: ssd, cores: 1", "card: sd, cores: 1", `small.yaml:9: topology.machines[1].card: unknown card "sd" (did you mean "ssd"?)`},
		{"name: c-1", "name: pi-1", `small.yaml:9: topology.machines[1].name: pi-1 stands twice`},
		{"role: client", "role: node", `small.yaml:7: topology.machines: no machine has the role "client"`},
		{"{kill: 10s}", "{kil: 10s}", `small.yaml:17: faults.kinds.kil: unknown fault kind "kil" (did you mean "kill"?)`},
		{"{kill: 10s}", "\n    kill: 10s\n    pauze: 5s", `small.yaml:19: faults.kinds.pauze: unknown fault kind "pauze" (did you mean "pause"?)`},
		{"timeout: 1s", "timeout: 1s\n  together: True", `small.yaml:15: clients.together: want true or false`},
		{"{kill: 10s}", "{kill: 10}", `small.yaml:17: faults.kinds.kill: "10" is not a duration like 20ms or 150s`},
		{"{kill: 10s}", "{kill: 10s}\n  required: [pauze]", `small.yaml:18: faults.required[0]: unknown fault kind "pauze" (did you mean "pause"?)`},
		{"{kill: 10s}", "{kill: 10s}\n  required: [pause]", `small.yaml:15: faults: "pause" is required but not among the kinds`},
		{"swarm: 1000000ppm", "swarm: 50%", `small.yaml:18: faults.swarm: "50%" is not a share like 500000ppm`},
		{"{kill: 10s}", "{kill: 10s}\n  aim: {leader: 1}", `small.yaml:18: faults.aim.leader: "1" is not a share like 500000ppm`},
		{"{kill: 10s}", "{kill: 10s}\n  aim: {leader: 1ppm, shelv: 1ppm}", `small.yaml:18: faults.aim.shelv: no fault can be aimed at "shelv" (did you mean "shelf"?)`},
		{"{kill: 10s}", "{kill: 10s}\n  aim: {tier:client: 1ppm}", `small.yaml:18: faults.aim.tier:client: no fault can be aimed at "tier:client"`},
		{"roles: [node]", "roles: [nod]", `small.yaml:16: faults.roles[0]: no machine has the role "nod"`},
		{"after: 2s", "after: 20s", `small.yaml:20: checks.live: 20s after healing and 1s for an operation do not fit`},
		{"operations: {read: 1, write: 1}", "mixes: [ycsb-a]", `small.yaml:12: clients.mixes: mixes take the place of operations, in a store without a database`},
		{"operations: {read: 1, write: 1}", "mixes: [ycsb-g]", `small.yaml:12: clients.mixes[0]: unknown mix "ycsb-g" (did you mean "ycsb-a"?)`},
		{"operations: {read: 1, write: 1}", "mixes: []", `small.yaml:10: clients.operations: the weights must not be negative, and one must be positive`},
		{"name: small", "name: [", `small.yaml:`},
		{"roles: [node]", "roles: &a [node]\n  required: *a", `small.yaml:17: faults.required: want a plain value, not an alias`},
		{"checks:", "---\nchecks:", `small.yaml:19: the file has more than one document`},
		{"checks:", "---\n{checks:", `small.yaml:19: did not find expected ',' or '}'`},
		{"checks:", "scenario:", `small.yaml:19: unknown key "scenario"`},
	}
	for _, test := range tests {
		text := strings.Replace(small, test.old, test.new, 1)
		if text == small {
			t.Errorf("%q does not stand in the scenario", test.old)
		}
		_, err := Parse("small.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s\n  got  %v\n  want %s", test.new, err, test.want)
		}
	}
	for _, text := range []string{"", "# nothing\n", "- a\n", "text"} {
		if _, err := Parse("small.yaml", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "small.yaml:1: ") {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func TestAMistakeAboutUsersIsFound(t *testing.T) {
	text, err := files.ReadFile("retry-storm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{"count: 1", "count: 0", "0 users and 0 visitors"},
		{"newcomers: 430ms", "newcomers: 1us", "users.newcomers: one comes every 1µs, it must be at least 1ms"},
		{"newcomers: 430ms", "newcomers: often", `users.newcomers: "often" is not a duration`},
		{"patience: 4s", "patience: 1m", "users who ask again after 1m0s and give up after 15s make no sense"},
		{"ramp:", "start: 1h\n  ramp:", "users who come from 1h0m0s on, within"},
		{"newcomers:", "newcomer:", `unknown key "newcomer" (did you mean "newcomers"?)`},
		{"{profile: 1}", "{sing: 1}", `users.actions.sing: users do not know how to do that`},
		{"{profile: 1}", "\n    profile: 1\n    timelin: 1", `users.actions.timelin: users do not know how to do that (did you mean "timeline"?)`},
		{"{profile: 1}", "{profile: 0}", "one weight must be positive"},
		{"balancer: lb", "balancer: app", `the role "app" has no load balancer with TLS`},
	} {
		if !strings.Contains(string(text), test.old) {
			t.Fatalf("there is no %q", test.old)
		}
		_, err := Parse("file.yaml", []byte(strings.Replace(string(text), test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.new, err, test.want)
		}
	}
}

// grouped is users that the tests of messages about groups spoil line by line.
const grouped = `  count: 2
  machines: [home-1]
  groups:
    - {kind: moderator, machine: home-1, count: 2, start: 5s, end: 130s, pause: 1s, labels: 20, delay: 2s}
    - {kind: poisoned-feed, machine: home-1, count: 1, start: 10s, turn: 40s, end: 60s, pause: 1s}
    - {kind: bad-pictures, machine: home-1, count: 1, start: 10s, listed: 40s, end: 60s, pause: 1s}
    - {kind: moderator, machine: home-1, count: 1, start: 5s, end: 130s, pause: 1s}
`

func TestAMistakeAboutGroupsIsFound(t *testing.T) {
	file, err := files.ReadFile("retry-storm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(file), "  count: 1\n", grouped, 1)
	text = strings.Replace(text, "checks:\n", "checks:\n  blocked: {minimum: 1, delay: 5s}\n", 1)
	s, err := Parse("file.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if g := s.GroupsOn("home-1"); len(g) != 4 || g[3].Place != 2 || g[1].First == g[0].First || len(s.GroupsOn("home-2")) != 0 {
		t.Errorf("got the groups %+v", g)
	}
	if p := s.Plan(); p.Moderators != 3 || p.Known != 2 || len(p.Distrust) != 1 || p.Distrust[0].Source != "feed-1" || p.LateList != 40*time.Second {
		t.Errorf("got the plan %+v", p)
	}
	for _, test := range []struct{ old, new, want string }{
		{"kind: bad-pictures", "kind: bad-picture", `users.groups[2].kind: unknown kind "bad-picture" (did you mean "bad-pictures"?)`},
		{"machines: [home-1]", "machines: [home-2]", `users.machines[0]: "home-2" is no machine for clients or stands twice (did you mean "home-1"?)`},
		{"machines: [home-1]", "machines: [home-1, home-1]", `users.machines[1]: "home-1" is no machine for clients or stands twice`},
		{"machine: home-1, count: 2", "machine: pi-1, count: 2", `users.groups[0].machine: "pi-1" is no machine for clients`},
		{"machine: home-1, count: 2", "machine: home-1, count: 0", `users.groups[0]: the group moderator needs a count of 1 to 1000, not 0`},
		{"end: 130s", "end: 177s", `users.groups[0].end: the run ends at 2m56s`},
		{"end: 130s", "end: 4s", `users.groups[0]: the group moderator needs a start, a later end and a pause`},
		{"turn: 40s", "turn: 60s", `users.groups[1]: the group poisoned-feed needs a turn between its start and its end`},
		{"turn: 40s, ", "", `users.groups[1]: the group poisoned-feed needs a turn`},
		{"listed: 40s, ", "", `users.groups[2].listed: bad-pictures, and no others, have a time`},
		{"turn: 40s", "listed: 40s", `users.groups[1].listed: bad-pictures, and no others, have a time`},
		{"turn: 40s", "turn: 40s, labels: 3", `users.groups[1]: the group poisoned-feed needs no labels and no delay`},
		{"kind: moderator", "kind: flash-crowd", `users.groups[0]: the group flash-crowd needs no labels`},
		{"delay: 2s", "delays: 2s", `users.groups[0]: unknown key "delays" (did you mean "delay"?)`},
		{"{minimum: 1, delay: 5s}", "{minimum: 1}", "checks.blocked: the check needs a minimum, and a delay"},
		{"blocked: {minimum: 1, delay: 5s}", "honest: {minimum: 1}", "checks.honest: the check needs a minimum, shares"},
		{"blocked: {minimum: 1, delay: 5s}", "caught: {share: 1ppm}", "checks.caught: the check needs a minimum"},
	} {
		if !strings.Contains(text, test.old) {
			t.Fatalf("there is no %q", test.old)
		}
		if _, err := Parse("file.yaml", []byte(strings.Replace(text, test.old, test.new, 1))); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.new, err, test.want)
		}
	}
	alone := strings.ReplaceAll(text, "kind: moderator", "kind: flash-crowd")
	alone = strings.Replace(alone, ", labels: 20, delay: 2s", "", 1)
	if _, err := Parse("file.yaml", []byte(alone)); err == nil || !strings.Contains(err.Error(), "poisoned-feed needs a moderator") {
		t.Error(err)
	}
}

func TestAScenarioIsLoadedByNameOrFromAFile(t *testing.T) {
	if _, err := Load("first-clout"); err == nil || !strings.Contains(err.Error(), `(did you mean "first-cloud"?)`) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "small.yaml")
	if err := os.WriteFile(path, []byte(small), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := Load(path); err != nil || s.Name != "small" {
		t.Error(s, err)
	}
}

func TestAScheduleInTheFileIsReadInItsPlace(t *testing.T) {
	generated := "  roles: [node]\n  kinds: {kill: 10s}\n  swarm: 1000000ppm\n"
	with := func(lines string) (*Scenario, error) {
		return Parse("small.yaml", []byte(strings.Replace(small, generated, "  schedule: |\n"+lines, 1)))
	}
	s, err := with("    10s +2s kill machine=pi-1\n    5s +1s pause machine=pi-1 # first\n")
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := s.Schedule(streams(1))
	if err != nil || len(schedule) != 2 || schedule[0].Kind != chaos.Pause {
		t.Errorf("got %v (%v)", schedule, err)
	}
	tests := []struct{ lines, want string }{
		{"    10s +2s kill machine=pi-1\n    20s +1s pauze machine=pi-1\n",
			`small.yaml:18: faults.schedule: unknown fault kind "pauze" (did you mean "pause"?)`},
		{"    10s +2s kill machine=pi-2\n", "small.yaml:16: faults.schedule: the fault `10.000s +2.000s kill machine=pi-2` aims at an unknown machine"},
		{"    39s +2s kill machine=pi-1\n", "small.yaml:16: faults.schedule: the last fault ends at 41s, but everything must be healed at 40s"},
		{"    1s +2s kill machine=pi-1\n  required: [pause]\n", `small.yaml:18: faults.required[0]: "pause" is required and not in the schedule`},
		{"    1s +2s kill machine=pi-1\n  start: 1s\n", `small.yaml:15: faults: faults are a schedule or generated, not both`},
	}
	for _, test := range tests {
		if _, err := with(test.lines); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}
