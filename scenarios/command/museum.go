package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
	"picloud/scenarios/museum"
	"picloud/scenarios/runner"
	"picloud/scenarios/shrink"
	"picloud/sim/event"
)

// twinTimes is how many times as many seeds a mended twin must survive.
const twinTimes = 10

// Museum shows that known bugs are found, and their mended twins are not.
func Museum(ctx context.Context, args []string) error {
	f := flags("museum", `museum [-seeds N] [-twins N] [-only NAME] [-seed N]

Runs small clouds with one known bug each, seed after seed, until the checks find it; and the same
clouds with the bug mended, which must survive ten times as many seeds. Ends with status 0 if every
bug was found and every twin survived, else with 1.

How many seeds it took is the median of some hunts, each from the seed on that follows the last find, within -seeds in all; the
first find is cut down to as few faults as fail the same check, by playing its own seed and the next one; if more than three are
left, so are the next ones, one after the other, until one has three or fewer.

Examples:
  picloud museum
  picloud museum -only lease-read
  picloud museum -only lease-read -seed 12      (one run, with its report)
  picloud museum -seeds 200 -twins 100`)
	seeds := f.Uint64("seeds", 200, "the seeds within which a bug must be found")
	twins := f.Int("twins", -1, "the seeds that a mended twin must survive; none is shown with 0, and -1 is ten times -seeds")
	hunts := f.Int("hunts", 3, "times that a bug is looked for")
	cuts := f.Int("cuts", 100, "runs that are played to cut a find down")
	only := f.String("only", "", "exhibits, separated by commas, or the name of a cloud without a bug")
	seed := f.Uint64("seed", 0, "play this seed alone and leave a report")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if err := errors.Join(between("museum", "seeds", *seeds, 1, mostSeeds), between("museum", "twins", *twins, -1, twinTimes*mostSeeds)); err != nil {
		return err
	}
	if *twins < 0 {
		*twins = twinTimes * int(*seeds)
	}
	e := effort{*hunts, *cuts}
	if err := e.validate(); err != nil {
		return fmt.Errorf("museum: %w", err)
	}
	tour, err := newTour(*only, *workers)
	if err != nil {
		return err
	}
	tour.effort = e
	if *seed != 0 && len(tour.exhibits) > 1 {
		return errors.New("museum: one run is of one exhibit, or of a cloud: name it with -only")
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	if tour.program, err = os.Executable(); err != nil {
		return err
	}
	tour.play = simulated(tour.program)
	if *seed != 0 {
		return tour.show(ctx, *seed)
	}
	return tour.walk(ctx, *seeds, uint64(*twins))
}

// tour is a walk through some exhibits.
type tour struct {
	exhibits []museum.Exhibit
	clouds   []string // whose mended twins are shown
	workers  int      // runs at one time
	effort   effort
	program  string
	play     simulator
	took     []search // of the exhibits that were found
}

// simulator plays a seed of a scenario on a core.
type simulator func(ctx context.Context, s *scenarios.Scenario, core int, seed uint64) (*reports.Result, error)

// simulated returns what plays scenarios in this process, with machines that run a program.
func simulated(program string) simulator {
	return func(ctx context.Context, s *scenarios.Scenario, core int, seed uint64) (*reports.Result, error) {
		out, err := runner.Run(ctx, runner.Options{Scenario: s, Seed: seed, Program: program, NoTrace: true, Core: core})
		if err != nil {
			return nil, err
		}
		return &out.Result, nil
	}
}

func newTour(only string, workers int) (*tour, error) {
	t := &tour{workers: workers}
	if slices.Contains(museum.Clouds(), only) {
		t.clouds = []string{only}
		return t, nil
	}
	var err error
	t.exhibits, err = named(museum.Exhibits(), "exhibit", func(e museum.Exhibit) string { return e.Name }, only)
	for _, e := range t.exhibits {
		if !slices.Contains(t.clouds, e.Cloud) {
			t.clouds = append(t.clouds, e.Cloud)
		}
	}
	return t, err
}

// show plays one run of the exhibit, or of the cloud, and leaves its files.
func (t *tour) show(ctx context.Context, seed uint64) error {
	name, cloud, program := t.clouds[0], t.clouds[0], t.clouds[0]
	if len(t.exhibits) > 0 {
		e := &t.exhibits[0]
		name, program = e.Name, e.Program()
	}
	s, err := museum.Scenario(cloud, program)
	if err != nil {
		return err
	}
	folder := filepath.Join("out", fmt.Sprintf("museum-%s-%d", name, seed))
	done, err := runner.Run(ctx, runner.Options{
		Scenario: s, Seed: seed, Program: t.program, Core: -1, Folder: folder,
		Replay: fmt.Sprintf("picloud museum -only %s -seed %d", name, seed),
	})
	if err != nil {
		return err
	}
	show(done, folder, false)
	return verdict(done.Result.Verdict)
}

// walk shows every exhibit, then every mended twin, and counts.
func (t *tour) walk(ctx context.Context, seeds, twins uint64) error {
	found, survived, died := 0, 0, 0
	for i := range t.exhibits {
		ok, err := t.exhibit(ctx, &t.exhibits[i], seeds)
		if err != nil {
			return err
		}
		if ok {
			found++
		}
	}
	if twins == 0 {
		t.clouds = nil
	}
	for _, cloud := range t.clouds {
		ok, err := t.twin(ctx, cloud, twins)
		if err != nil {
			return err
		}
		if !ok {
			died++
		}
		for _, e := range t.exhibits {
			if ok && e.Cloud == cloud {
				survived++
			}
		}
	}
	n := len(t.exhibits)
	said := fmt.Sprintf("museum: %d of %d bugs found", found, n)
	if twins > 0 {
		said += fmt.Sprintf(", %d of %d twins survived", survived, n)
	}
	fmt.Println(said)
	if text := small(t.took); text != "" {
		fmt.Println(text)
	}
	if found < n || died > 0 {
		return Fail
	}
	return nil
}

// exhibit plays seeds until the bug is found.
func (t *tour) exhibit(ctx context.Context, e *museum.Exhibit, seeds uint64) (bool, error) {
	s, err := museum.Scenario(e.Cloud, e.Program())
	if err != nil {
		return false, err
	}
	broken := func(r *reports.Result) string {
		for _, c := range r.Checks {
			if c.Status == reports.Fail && slices.Contains(e.Breaks, c.Name) {
				return c.Name
			}
		}
		return ""
	}
	v := &visit{scenario: s, simulate: t.play, name: e.Name, wanted: func(r *reports.Result) bool { return broken(r) != "" }}
	found, took, err := t.effort.search(seeds, func(from, to uint64) (*reports.Result, error) { return v.play(ctx, t.workers, hunt.Range(from, to)) })
	if err == nil && found != nil {
		err = t.effort.cutFinds(&took, func(seed uint64) error { return t.cut(ctx, &took, v, e.Breaks, seed) })
	}
	switch {
	case err != nil:
		return false, err
	case found == nil:
		fmt.Printf("MISSED    %-24s in %d seeds%s\n", e.Name, seeds, v.notes())
		return false, nil
	}
	t.took = append(t.took, took)
	fmt.Printf("found     %-24s seed %d, by %s; median of %s: %d; faults: %s%s\n", e.Name, found.Seed, broken(found), took.each(), took.median(), took.size(), v.notes())
	return true, nil
}

// cut leaves out faults of the run that a seed makes, as long as one of the checks fails that the bug breaks.
func (t *tour) cut(ctx context.Context, took *search, v *visit, breaks []string, seed uint64) error {
	faults, err := v.scenario.Schedule(event.NewLoop(seed).Stream)
	if err != nil {
		return err
	}
	c := &cutting{whole: v.scenario}
	defer tell("")
	_, err = t.effort.cut(ctx, took, &shrink.Job{
		Run:     shrink.Run{Seed: seed, Cut: scenarios.Cut{Faults: faults, Amounts: v.scenario.Amounts()}},
		Workers: t.workers, Possible: c.possible,
		Play: showing(breaks, func(ctx context.Context, core int, r shrink.Run) (*reports.Result, error) {
			tell("%s: cutting down what seed %d found", v.name, seed)
			s, err := v.scenario.Cut(r.Cut)
			if err != nil {
				return nil, err
			}
			smaller := &visit{scenario: s, simulate: v.simulate, name: v.name}
			return smaller.run(ctx, core, r.Seed)
		}),
	})
	return err
}

// twin plays all seeds of a cloud without a bug.
func (t *tour) twin(ctx context.Context, cloud string, seeds uint64) (bool, error) {
	s, err := museum.Scenario(cloud, cloud)
	if err != nil {
		return false, err
	}
	v := &visit{scenario: s, simulate: t.play, name: cloud, wanted: failed}
	found, err := v.play(ctx, t.workers, hunt.Range(1, seeds))
	switch {
	case err != nil:
		return false, err
	case found != nil:
		fmt.Printf("FAILED    %-24s seed %d: %s%s\n", cloud, found.Seed, found.Cause(), v.notes())
		return false, nil
	case undecided(v.open, v.done):
		fmt.Printf("UNDECIDED %-24s %d seeds%s: more than 5 %% are inconclusive\n", cloud, seeds, v.notes())
		return false, nil
	}
	fmt.Printf("survived  %-24s %d seeds%s\n", cloud, seeds, v.notes())
	return true, nil
}

// visit is a look at one program: its runs with seeds 1, 2, 3 and so on until one is wanted.
type visit struct {
	scenario *scenarios.Scenario
	simulate simulator
	name     string
	wanted   func(*reports.Result) bool

	done   int
	others int // runs that failed in another way
	open   int // runs that were inconclusive
	began  time.Time
}

func (v *visit) play(ctx context.Context, workers int, seeds []uint64) (*reports.Result, error) {
	if v.began.IsZero() {
		v.began = time.Now()
	}
	defer tell("")
	return hunt.Hunt{Seeds: seeds, Workers: workers, Wanted: v.wanted, Each: v.count, Play: v.run}.Run(ctx)
}

func (v *visit) run(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
	r, err := v.simulate(ctx, v.scenario, core, seed)
	if err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", v.name, seed, err)
	}
	return r, nil
}

func (v *visit) count(r *reports.Result) {
	v.done++
	switch {
	case v.wanted(r):
	case failed(r):
		v.others++
		fmt.Printf("          %-24s seed %d: %s\n", v.name, r.Seed, r.Cause())
	case r.Verdict == reports.Inconclusive:
		v.open++
	}
	tell("%s: %d seeds, %.0f s", v.name, v.done, time.Since(v.began).Seconds())
}

// notes says what else there was to see.
func (v *visit) notes() string {
	s := fmt.Sprintf(" (%d runs, %.1f s", v.done, time.Since(v.began).Seconds())
	if v.others > 0 {
		s += fmt.Sprintf(", %d failed in another way", v.others)
	}
	if v.open > 0 {
		s += fmt.Sprintf(", %d inconclusive", v.open)
	}
	return s + ")"
}
