package runner_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"picloud/reports"
	"picloud/scenarios/command"
	"picloud/scenarios/draw"
	"picloud/sim/detrt"
)

// How the property is tried, beside -rapid.seed.
const (
	// envRuns says how many runs are made in place of fewRuns.
	envRuns = "PICLOUD_RUNS"
	fewRuns = 8
	// envProgram names a program to try in place of this one, such as one with a planted bug.
	envProgram = "PICLOUD_PROGRAM"

	batch      = 4 // runs that are drawn together, to be made at the same time
	shrinkTime = "3m"
	rootFolder = "../.."
)

// trial is one run: the scenario that was drawn, and its seed.
type trial struct {
	seed uint64
	text string
}

// GoString is what rapid prints.
func (x trial) GoString() string {
	return fmt.Sprintf("seed %d of a scenario of %d lines", x.seed, strings.Count(x.text, "\n"))
}

// source lets rapid draw the numbers of which package draw makes scenarios. It searches for smaller ones when a check fails, and
// smaller ones give simpler clouds.
type source struct{ *rapid.T }

func (s source) Int(name string, low, high int) int {
	return rapid.IntRange(low, high).Draw(s.T, name)
}

// TestTheCloudSurvivesWhateverIsDrawn lets rapid draw clouds as picloud soak does, of the tiers whose runs are short, and the checks
// of the drawn scenario judge. What rapid's search leaves is a scenario file, whose faults picloud shrink cuts down.
func TestTheCloudSurvivesWhateverIsDrawn(t *testing.T) {
	l := newLab(t)
	defer l.leave()
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
	option(t, "rapid.shrinktime", shrinkTime)
	rapid.Check(t, func(t *rapid.T) {
		trials := rapid.SliceOfN(rapid.Custom(drawTrial), batch, batch).Draw(t, "runs")
		// The check's name is all: rapid takes a failure for another one if its text differs.
		if check := l.tryAll(trials); check != "" {
			t.Fatal(check)
		}
	})
}

func drawTrial(t *rapid.T) trial {
	d, err := draw.Scenario(source{t}, "drawn", draw.Map, draw.Store)
	if err != nil {
		t.Fatal(err)
	}
	return trial{rapid.Uint64Range(1, 1<<20).Draw(t, "seed"), string(d.Scenario.Text())}
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

// lab makes runs, and remembers what each came to: rapid asks again for what it had asked for.
type lab struct {
	t       *testing.T
	program string

	made   map[trial]string // the check that failed, or nothing
	failed *trial           // the last that did
	check  string           // that failed first; another failure would be another story
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, program: os.Getenv(envProgram), made: map[trial]string{}}
	if l.program == "" {
		if !detrt.Built {
			t.Skip("needs a build with the deterministic runtime: make test-sim")
		}
		var err error
		if l.program, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// tryAll returns the check that failed in the first of the runs that did, if it is the one that failed at first.
func (l *lab) tryAll(trials []trial) string {
	l.makeAll(trials)
	for i := range trials {
		check := l.made[trials[i]]
		if check == "" || l.check != "" && check != l.check {
			continue
		}
		l.failed, l.check = &trials[i], check
		return check
	}
	return ""
}

// makeAll makes the runs that were not made yet, as many at one time as there are processors.
func (l *lab) makeAll(trials []trial) {
	failed := make([]string, len(trials))
	var all sync.WaitGroup
	free := make(chan int, runtime.NumCPU())
	for core := range cap(free) {
		free <- core
	}
	for i := range trials {
		if check, known := l.made[trials[i]]; known {
			failed[i] = check
			continue
		}
		all.Go(func() {
			core := <-free
			defer func() { free <- core }()
			failed[i] = l.try(trials[i], core)
		})
	}
	all.Wait()
	for i := range trials {
		l.made[trials[i]] = failed[i]
	}
}

// try makes a run in a process of its own and returns the name of the check that failed, if any.
func (l *lab) try(x trial, core int) string {
	dir, err := os.MkdirTemp("", "picloud-property-")
	if err != nil {
		l.t.Error(err)
		return "no folder"
	}
	defer os.RemoveAll(dir)
	scenario := filepath.Join(dir, "drawn.yaml")
	if err := os.WriteFile(scenario, []byte(x.text), 0o644); err != nil {
		l.t.Error(err)
		return "no scenario"
	}
	folder := filepath.Join(dir, "run")
	cmd := exec.CommandContext(l.t.Context(), l.program, "sim", "-q", "-no-trace", "-scenario", scenario,
		"-seed", strconv.FormatUint(x.seed, 10), "-out", folder, "-core", strconv.Itoa(core))
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
	return r.Broken()
}

// leave leaves the scenario of the simplest run that failed in a file, and says how to play it and to cut down its faults.
func (l *lab) leave() {
	if l.failed == nil {
		return
	}
	file := filepath.Join("out", "property", fmt.Sprintf("%s-%d.yaml", l.check, l.failed.seed))
	if err := reports.WriteFile(filepath.Join(rootFolder, file), []byte(l.failed.text)); err != nil {
		l.t.Error(err)
	}
	l.t.Logf("%s failed; %d runs were made. Again: picloud sim -scenario %s -seed %d\nsmaller: picloud shrink -scenario %s -seed %d",
		l.check, len(l.made), file, l.failed.seed, file, l.failed.seed)
}
