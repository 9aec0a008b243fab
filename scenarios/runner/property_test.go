package runner_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/command"
	"picloud/sim/detrt"
	"picloud/sim/event"
)

// How the property is tried, beside -rapid.seed.
const (
	// envRuns says how many runs are made in place of fewRuns.
	envRuns = "PICLOUD_RUNS"
	fewRuns = 16
	// envProgram names a program to try in place of this one, such as one with a planted bug.
	envProgram = "PICLOUD_PROGRAM"

	scenarioName    = "short-cloud"
	batch           = 4  // runs that are drawn together, to be made at the same time
	shrinkQuestions = 60 // at most, to cut a schedule down
	shrinkSeeds     = 3  // that are tried for each, before the failure is called gone
	rootFolder      = "../.."
)

// trial is one run: what decides everything in it.
type trial struct {
	seed     uint64
	schedule chaos.Schedule
}

// GoString is what rapid prints.
func (x trial) GoString() string {
	return fmt.Sprintf("seed %d with %d faults", x.seed, len(x.schedule))
}

// TestTheCloudSurvivesDrawnSchedules lets rapid draw what the generator of schedules is made of,
// and the scenario's checks judge. Rapid says which run failed; the schedule is cut down by delta
// debugging, as leaving out a fault changes what rapid would have to draw.
func TestTheCloudSurvivesDrawnSchedules(t *testing.T) {
	l := newLab(t)
	defer l.shrink()
	runs := fewRuns
	if text := os.Getenv(envRuns); text != "" {
		var err error
		if runs, err = strconv.Atoi(text); err != nil || runs < 1 {
			t.Fatalf("%s is %q, not a number of runs", envRuns, text)
		}
	} else {
		option(t, "rapid.seed", "1") // the same runs at every commit
	}
	option(t, "rapid.checks", strconv.Itoa((runs+batch-1)/batch))
	option(t, "rapid.nofailfile", "true")
	rapid.Check(t, func(t *rapid.T) {
		trials := rapid.SliceOfN(rapid.Custom(l.draw), batch, batch).Draw(t, "runs")
		// The check's name is all: rapid takes a failure for another one if its text differs.
		if check := l.tryAll(trials); check != "" {
			t.Fatal(check)
		}
	})
}

// option sets a flag for the test, unless the command line says otherwise.
func option(t *testing.T, name, value string) {
	t.Helper()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { flag.Set(name, before) })
}

// lab makes runs and remembers the first that failed.
type lab struct {
	t        *testing.T
	program  string
	scenario *scenarios.Scenario

	runs   int
	failed *trial
	check  string // that failed
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, program: os.Getenv(envProgram)}
	var err error
	if l.program == "" {
		if !detrt.Built {
			t.Skip("needs a build with the deterministic runtime: make test-sim")
		}
		l.program, err = os.Executable()
	}
	if err == nil {
		l.scenario, err = scenarios.Load(scenarioName)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// draw draws a generator and a seed for it, and makes the schedule. Most kinds are left out of a
// run, so that those which take part do so often and meet; the generator keeps the limits.
func (l *lab) draw(t *rapid.T) trial {
	c := chaos.Config{
		Topology:  l.scenario.ChaosTopology(),
		Roles:     l.scenario.Faults.Roles,
		Start:     time.Duration(l.scenario.Faults.Start),
		End:       l.scenario.HealedAt(),
		SwarmRate: 1_000_000,
		Limits:    chaos.DefaultLimits(),
	}
	c.Limits.StormRate = rapid.SampledFrom([]int64{0, 1_000_000}).Draw(t, "storms")
	c.Limits.ActiveAtOnce = rapid.IntRange(3, 12).Draw(t, "active at once")
	names := rapid.Permutation(l.scenario.Playable()).Draw(t, "kinds")[:rapid.IntRange(4, 16).Draw(t, "take part")]
	for _, crash := range []chaos.Kind{chaos.PowerCut, chaos.Pause} { // so that leaders change
		if !slices.Contains(names, string(crash)) {
			names = append(names, string(crash))
		}
	}
	for _, name := range names {
		every := time.Duration(rapid.IntRange(2, 20).Draw(t, "seconds between two")) * time.Second
		c.Kinds = append(c.Kinds, chaos.KindRate{Kind: chaos.Kind(name), Every: every})
	}
	seed := rapid.Uint64Max(1<<20).Draw(t, "seed")
	schedule, err := chaos.Generate(c, event.NewLoop(seed).Stream)
	if err != nil {
		t.Fatal(err)
	}
	return trial{seed, schedule}
}

// tryAll returns the check that failed in the first of the runs that did. After a failure nothing
// is run any more: rapid gets the same answer as before.
func (l *lab) tryAll(trials []trial) string {
	if l.failed != nil {
		if contains(trials, l.failed) {
			return l.check
		}
		return ""
	}
	for i, check := range l.each(trials) {
		if check != "" {
			l.failed, l.check = &trials[i], check
			return check
		}
	}
	return ""
}

// each makes the runs, as many at one time as there are processors, and returns the check that
// failed in each, if any.
func (l *lab) each(trials []trial) []string {
	failed := make([]string, len(trials))
	l.runs += len(trials)
	var all sync.WaitGroup
	free := make(chan int, runtime.NumCPU())
	for core := range cap(free) {
		free <- core
	}
	for i := range trials {
		all.Go(func() {
			core := <-free
			defer func() { free <- core }()
			failed[i] = l.try(trials[i], core)
		})
	}
	all.Wait()
	return failed
}

func contains(trials []trial, x *trial) bool {
	for i := range trials {
		if trials[i].seed == x.seed && trials[i].schedule.String() == x.schedule.String() {
			return true
		}
	}
	return false
}

// try makes a run in a process of its own and returns the name of the check that failed, if any.
func (l *lab) try(x trial, core int) string {
	dir, err := os.MkdirTemp("", "picloud-property-")
	if err != nil {
		l.t.Error(err)
		return "no folder"
	}
	defer os.RemoveAll(dir)
	schedule := filepath.Join(dir, scenarios.ScheduleFile)
	if err := os.WriteFile(schedule, []byte(x.schedule.String()), 0o644); err != nil {
		l.t.Error(err)
		return "no schedule"
	}
	folder := filepath.Join(dir, "run")
	cmd := exec.CommandContext(l.t.Context(), l.program, "sim", "-q", "-no-trace", "-scenario", scenarioName,
		"-seed", strconv.FormatUint(x.seed, 10), "-schedule", schedule, "-out", folder, "-core", strconv.Itoa(core))
	output, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); err != nil && code != int(command.Fail) && code != int(command.Inconclusive) {
		l.t.Errorf("the run could not be made: %v\n%s", err, bytes.TrimSpace(output))
		return "no run"
	}
	r, _, err := reports.Read(folder)
	if err != nil {
		l.t.Error(err)
		return "no result"
	}
	for _, c := range r.Checks {
		if c.Status == reports.Fail {
			return c.Name
		}
	}
	return ""
}

// shrink cuts the schedule of the run that failed down, leaves it in a file and says how to play
// it. It asks for the same check: another failure would be another story.
func (l *lab) shrink() {
	if l.failed == nil {
		return
	}
	seed, whole, before := l.failed.seed, l.failed.schedule, l.runs
	file := filepath.Join("out", "property", fmt.Sprintf("%s-%d.txt", l.check, seed))
	write := func(s chaos.Schedule) {
		if err := reports.WriteFile(filepath.Join(rootFolder, file), []byte(s.String())); err != nil {
			l.t.Error(err)
		}
	}
	write(whole) // should the test be given up while it shrinks
	small := chaos.Shrink(whole, shrinkQuestions, func(part chaos.Schedule) bool {
		var trials []trial
		for other := range uint64(shrinkSeeds) {
			trials = append(trials, trial{l.failed.seed + other, part})
		}
		first := slices.Index(l.each(trials), l.check)
		if first >= 0 {
			seed = trials[first].seed
		}
		return first >= 0
	})
	write(small)
	l.t.Logf("%s failed after %d runs; %d faults of %d are left after %d more:\n%sAgain: picloud sim -scenario %s -seed %d -schedule %s",
		l.check, before, len(small), len(whole), l.runs-before, small, scenarioName, seed, file)
}
