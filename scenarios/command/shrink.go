package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/shrink"
	"picloud/sim/event"
)

// minimalFile is the scenario that a run was cut down to, in the folder of picloud shrink.
const minimalFile = "minimal.yaml"

// Shrink cuts a failing run down to what it needs in order to fail.
func Shrink(ctx context.Context, args []string) error {
	f := flags("shrink", `shrink FOLDER | -scenario NAME -seed N

Cuts a run that fails down to what it needs in order to fail: leaves out faults until no single one
can be left out, heals the others earlier, makes clients fewer and the run shorter, as long as the
same check is the first that fails. Each smaller run is played as a whole, in a process of its own. A
run with less in it takes other turns, so some other seeds are played before a failure is called
gone: those that follow the run's own. Writes minimal.yaml, which picloud sim plays, whenever it gets
smaller, and at the end what the smallest run left; Ctrl-C leaves the smallest until then. The report in FOLDER
then shows which faults it takes, and the command that plays them, if that run fails the same check
first. What goes into FOLDER itself takes the place of what is there.

Examples:
  picloud shrink out/short-cloud-7
  picloud shrink -scenario short-cloud -seed 7 -runs 100
  picloud shrink -program .cache/mutants/early-answer out/mutants/early-answer/1`)
	name := f.String("scenario", "", "the scenario, in place of a folder")
	seed := f.Uint64("seed", 0, "the seed with which it fails")
	without := f.String("without", "", "a defence of the nodes to switch off, with -scenario: "+strings.Join(scenarios.Defences(), ", "))
	out := f.String("out", "", "the folder for what is found (default out/shrink-SCENARIO-SEED)")
	most := f.Int("runs", 400, "runs that are played at most")
	seeds := f.Int("seeds", 4, "seeds that are played before a failure is called gone")
	faultsOnly := f.Bool("faults-only", false, "leave out faults and the end of the run, and leave clients and the lengths of faults as they are: fewer runs")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	program := f.String("program", "", "the build of picloud that is played, for instance with a planted bug (default this one)")
	rest := 1
	if slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-") && strings.HasPrefix(strings.TrimLeft(a, "-"), "scenario")
	}) {
		rest = 0
	}
	if err := parse(f, args, rest); err != nil {
		return err
	}
	if *most < 1 || *seeds < 1 || *workers < 1 {
		return fmt.Errorf("shrink: -runs, -seeds and -workers are at least 1")
	}
	var err error
	c := &cutting{}
	var run shrink.Run
	if rest == 1 && (given(f, "seed") || given(f, "without")) {
		err = errors.New("shrink: -seed and -without go with -scenario: a run in a folder has its own")
	} else if rest == 1 {
		run, err = c.take(f.Arg(0))
	} else if !given(f, "seed") {
		err = errors.New("shrink: -scenario needs the -seed with which it fails")
	} else {
		c.whole, run, err = runOf(*name, *without, *seed)
	}
	if err != nil {
		return err
	}
	if c.program, err = programOr(ctx, *program); err != nil {
		return err
	}
	c.into(cmp.Or(*out, filepath.Join("out", fmt.Sprintf("shrink-%s-%d", c.whole.Name, run.Seed))))
	return c.shrink(ctx, shrink.Job{Run: run, Seeds: *seeds, Most: *most, Workers: *workers, FaultsOnly: *faultsOnly, Possible: c.possible, Play: c.play})
}

// take has the run that left a folder cut down. If its schedule was edited what is found is not about that run, whose report stays as it is.
func (c *cutting) take(folder string) (run shrink.Run, err error) {
	var edited bool
	if c.whole, run, edited, err = runIn(folder); edited {
		fmt.Println("The schedule was edited: what is found does not stand in the report of the run in the folder.")
		return run, err
	}
	c.of = folder
	return run, err
}

// into says where what is found goes. In the folder of the run that is cut down it takes that one's place: then there is no report for it to
// stand in.
func (c *cutting) into(folder string) {
	c.folder = folder
	if sameFolder(c.of, folder) {
		c.of = ""
	}
}

// sameFolder tells whether two names are those of one folder.
func sameFolder(a, b string) bool {
	one, errA := os.Stat(a)
	other, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(one, other)
}

// runIn returns the run that left a folder, and its scenario, and whether its schedule was edited since.
func runIn(folder string) (_ *scenarios.Scenario, _ shrink.Run, edited bool, _ error) {
	s, left, err := scenarios.LoadRun(folder)
	if edited = errors.Is(err, scenarios.ErrScheduleEdited); err != nil && !edited {
		return nil, shrink.Run{}, false, err
	}
	run := shrink.Run{Seed: left.Seed, Cut: scenarios.Cut{Faults: left.Schedule, Amounts: s.Amounts()}}
	_, err = s.Cut(run.Cut)
	return s, run, edited, err
}

// runOf returns the run that a scenario makes of a seed, and the scenario.
func runOf(name, without string, seed uint64) (*scenarios.Scenario, shrink.Run, error) {
	s, err := load(name, without)
	if err != nil {
		return nil, shrink.Run{}, err
	}
	faults, err := s.Schedule(event.NewLoop(seed).Stream)
	return s, shrink.Run{Seed: seed, Cut: scenarios.Cut{Faults: faults, Amounts: s.Amounts()}}, err
}

// programOr returns the path of the build that is played: the one that is named, or this one.
func programOr(ctx context.Context, named string) (string, error) {
	if named == "" {
		if err := handOver(ctx, false); err != nil {
			return "", err
		}
		return os.Executable()
	}
	if _, err := os.Stat(named); err != nil {
		return "", fmt.Errorf("the program to play: %w", err)
	}
	return filepath.Abs(named)
}

// cutting plays runs of a scenario that is cut, each in a process and a folder of its own.
type cutting struct {
	whole           *scenarios.Scenario
	program, folder string
	of              string // the folder of the run that is cut down; empty if it has none
	other           bool   // that run fails otherwise than what was found
}

func (c *cutting) possible(r shrink.Run) bool {
	_, err := c.whole.Cut(r.Cut)
	return err == nil
}

func (c *cutting) play(ctx context.Context, core int, r shrink.Run) (*reports.Result, error) {
	s, err := c.whole.Cut(r.Cut)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(c.folder, "run-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, minimalFile)
	if err := reports.WriteFile(file, s.Text()); err != nil {
		return nil, err
	}
	return runSeed(ctx, c.program, file, r.Seed, folder, core)
}

// write writes the scenario of a run that fails.
func (c *cutting) write(r shrink.Run, moral string) error {
	r.Moral = moral
	s, err := c.whole.Cut(r.Cut)
	if err != nil {
		return err
	}
	return reports.WriteFile(c.file(), s.Text())
}

func (c *cutting) file() string { return filepath.Join(c.folder, minimalFile) }

func (c *cutting) shrink(ctx context.Context, job shrink.Job) error {
	began, of := time.Now(), len(job.Run.Faults)
	job.Smaller = func(r shrink.Run, check string, played int) error {
		tell("")
		fmt.Printf("%5.0f s, run %3d: %s fails with %s\n", time.Since(began).Seconds(), played, check, r.Describe())
		tell("looking for a smaller one")
		return c.write(r, fmt.Sprintf("Seed %d of %s fails %s with %d of its %s.", job.Run.Seed, c.whole.Name, check, len(r.Faults), shrink.Faults(of)))
	}
	found, err := job.Shrink(ctx)
	tell("")
	if errors.Is(err, shrink.ErrPasses) {
		return fmt.Errorf("shrink: seed %d of %s fails no check: there is nothing to cut down", job.Run.Seed, c.whole.Name)
	}
	if found == nil {
		return err
	}
	fmt.Printf("\n%s fails with %d of %s after %d runs, %.0f s of real time:\n%s", found.Check, len(found.Run.Faults), shrink.Faults(of),
		found.Played, time.Since(began).Seconds(), found.Run.Faults)
	fmt.Println("\nwhat is left of the scenario's amounts:")
	for i, a := range found.Run.Amounts {
		fmt.Printf("  %s (it was %s)\n", a, job.Run.Amounts[i])
	}
	switch {
	case err != nil:
		fmt.Println("It was interrupted: more may be left out.")
	case !found.Minimal:
		fmt.Printf("All %d runs are spent: more may be left out.\n", job.Most)
	case len(found.Run.Faults) == 0:
		fmt.Println("It needs no fault at all.")
	default:
		fmt.Printf("No single fault of these can be left out: without any one of them, seeds %v do not fail %s.\n",
			shrink.Seeds(found.Run.Seed, job.Run.Seed, job.Seeds), found.Check)
	}
	if err == nil {
		if err = c.confirm(ctx, found); err != nil && ctx.Err() == nil {
			return err // what does not fail again proves nothing, and stands in no report
		}
	}
	if c.of != "" {
		if bad := c.report(found, &job); bad != nil {
			return errors.Join(err, bad)
		}
		if c.other {
			fmt.Printf("The run in %s does not fail %s first: its report stays as it is.\n", c.of, found.Check)
		} else {
			fmt.Printf("which faults it takes stands in the run's own report: %s\n", filepath.Join(c.of, reports.PageFile))
		}
	}
	fmt.Printf("\nscenario: %s\nagain:    %s\n", c.file(), c.again(found))
	return err
}

// again returns the command that plays what was found.
func (c *cutting) again(found *shrink.Found) string {
	return fmt.Sprintf("%s sim -scenario %s -seed %d", quoted(c.said()), quoted(c.file()), found.Run.Seed)
}

// report writes what was found into the run's own folder, and the reports there anew, if that run fails so.
func (c *cutting) report(found *shrink.Found, job *shrink.Job) error {
	r, timeline, err := reports.Read(c.of)
	if err != nil {
		return fmt.Errorf("shrink: what was found cannot stand in the report of the run: %w", err)
	}
	if c.other = r.Broken() != found.Check; c.other {
		return nil
	}
	boards, err := reports.ReadBoards(c.of)
	if err != nil {
		return err
	}
	m := reports.Minimal{TraceHash: r.TraceHash, Check: found.Check, Of: len(job.Run.Faults), Needed: found.Minimal, Runs: found.Played,
		Seeds: shrink.Seeds(found.Run.Seed, job.Run.Seed, job.Seeds), Replay: c.again(found)}
	for i := range found.Run.Faults {
		m.Faults = append(m.Faults, found.Run.Faults[i].String())
	}
	for i, a := range found.Run.Amounts {
		if a != job.Run.Amounts[i] {
			m.Amounts = append(m.Amounts, fmt.Sprintf("%s (it was %s)", a, job.Run.Amounts[i]))
		}
	}
	if err := m.Write(c.of); err != nil {
		return err
	}
	return reports.Write(c.of, r, timeline, boards)
}

// said returns the program as somebody types it.
func (c *cutting) said() string {
	here, err := os.Getwd()
	if path, e := filepath.Rel(here, c.program); err == nil && e == nil {
		return path
	}
	return c.program
}

// confirm plays the file that was written, as a person would, and leaves its report in the folder.
func (c *cutting) confirm(ctx context.Context, found *shrink.Found) error {
	r, err := runSeed(ctx, c.program, c.file(), found.Run.Seed, c.folder, -1)
	if err != nil {
		return err
	}
	if r.Broken() != found.Check {
		return fmt.Errorf("shrink: %s with seed %d was expected to fail %s, and does not", c.file(), found.Run.Seed, found.Check)
	}
	fmt.Printf("%s was played again, and fails %s; report: %s\n", c.file(), found.Check, filepath.Join(c.folder, reports.PageFile))
	return nil
}
