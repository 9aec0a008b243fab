package command

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/museum"
	"picloud/scenarios/runner"
)

// twinTimes is how many times as many seeds a mended twin must survive.
const twinTimes = 10

// Museum shows that known bugs are found, and their mended twins are not.
func Museum(ctx context.Context, args []string) error {
	f := flags("museum", `museum [-seeds N] [-twins N] [-only NAME] [-seed N]

Runs small clouds with one known bug each, seed after seed, until the checks find it; and the same
clouds with the bug mended, which must survive ten times as many seeds. Ends with status 0 if every
bug was found and every twin survived, else with 1.

Examples:
  picloud museum
  picloud museum -only lease-read
  picloud museum -only lease-read -seed 12      (one run, with its report)
  picloud museum -seeds 200 -twins 100`)
	seeds := f.Int("seeds", 200, "the seeds within which a bug must be found")
	twins := f.Int("twins", -1, "the seeds that a mended twin must survive (default ten times as many)")
	only := f.String("only", "", "exhibits, separated by commas, or the name of a cloud without a bug")
	seed := f.Uint64("seed", 0, "play this seed alone and leave a report")
	jobs := f.Int("jobs", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *twins < 0 {
		*twins = twinTimes * *seeds
	}
	tour, err := newTour(*only, *jobs)
	if err != nil {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	if tour.program, err = os.Executable(); err != nil {
		return err
	}
	if *seed != 0 {
		return tour.show(ctx, *seed)
	}
	return tour.walk(ctx, *seeds, *twins)
}

// tour is a walk through some exhibits.
type tour struct {
	exhibits []museum.Exhibit
	clouds   []string // whose mended twins are shown
	jobs     int
	program  string
}

func newTour(only string, jobs int) (*tour, error) {
	t := &tour{jobs: max(jobs, 1)}
	if slices.Contains(museum.Clouds(), only) {
		t.clouds = []string{only}
		return t, nil
	}
	var names []string
	for _, e := range museum.Exhibits() {
		names = append(names, e.Name)
	}
	wanted := names
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("there is no exhibit %q%s", name, chaos.DidYouMean(name, names))
		}
	}
	for _, e := range museum.Exhibits() {
		if !slices.Contains(wanted, e.Name) {
			continue
		}
		t.exhibits = append(t.exhibits, e)
		if !slices.Contains(t.clouds, e.Cloud) {
			t.clouds = append(t.clouds, e.Cloud)
		}
	}
	return t, nil
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
func (t *tour) walk(ctx context.Context, seeds, twins int) error {
	found, survived := 0, 0
	for i := range t.exhibits {
		ok, err := t.exhibit(ctx, &t.exhibits[i], seeds)
		if err != nil {
			return err
		}
		if ok {
			found++
		}
	}
	for _, cloud := range t.clouds {
		ok, err := t.twin(ctx, cloud, twins)
		if err != nil {
			return err
		}
		for _, e := range t.exhibits {
			if ok && e.Cloud == cloud {
				survived++
			}
		}
	}
	n := len(t.exhibits)
	fmt.Printf("museum: %d of %d bugs found, %d of %d twins survived\n", found, n, survived, n)
	if found < n || survived < n {
		return Fail
	}
	return nil
}

// exhibit plays seeds until the bug is found.
func (t *tour) exhibit(ctx context.Context, e *museum.Exhibit, seeds int) (bool, error) {
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
	h := &hunt{scenario: s, program: t.program, name: e.Name, stop: func(r *reports.Result) bool { return broken(r) != "" }}
	if err := h.run(ctx, t.jobs, seeds); err != nil {
		return false, err
	}
	if h.caught == nil {
		fmt.Printf("MISSED    %-24s in %d seeds%s\n", e.Name, seeds, h.notes())
		return false, nil
	}
	r := h.caught
	fmt.Printf("found     %-24s seed %d, by %s%s\n", e.Name, r.Seed, broken(r), h.notes())
	return true, nil
}

// twin plays all seeds of a cloud without a bug.
func (t *tour) twin(ctx context.Context, cloud string, seeds int) (bool, error) {
	s, err := museum.Scenario(cloud, cloud)
	if err != nil {
		return false, err
	}
	h := &hunt{scenario: s, program: t.program, name: cloud, stop: func(r *reports.Result) bool { return r.Verdict == reports.Fail }}
	if err := h.run(ctx, t.jobs, seeds); err != nil {
		return false, err
	}
	if h.caught == nil {
		fmt.Printf("survived  %-24s %d seeds%s\n", cloud, seeds, h.notes())
		return true, nil
	}
	fmt.Printf("FAILED    %-24s seed %d: %s%s\n", cloud, h.caught.Seed, h.caught.Cause(), h.notes())
	return false, nil
}

// hunt plays a scenario with seeds 1, 2, 3 and so on, some at a time, until a run is what it looks
// for. What it finds does not depend on how many run at a time.
type hunt struct {
	scenario *scenarios.Scenario
	program  string
	name     string
	stop     func(*reports.Result) bool

	mu      sync.Mutex
	next    int
	seeds   int
	done    int
	caught  *reports.Result // that of the smallest seed
	others  int             // runs that failed in another way
	open    int             // runs that were inconclusive
	err     error
	began   time.Time
	printed time.Time
}

func (h *hunt) run(ctx context.Context, jobs, seeds int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h.seeds, h.began = seeds, time.Now()
	var all sync.WaitGroup
	for core := range jobs {
		all.Go(func() {
			for {
				seed := h.take()
				if seed == 0 || ctx.Err() != nil {
					return
				}
				// A run keeps its thread, which ends with the goroutine.
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					h.play(ctx, seed, core)
				}()
				<-ended
			}
		})
	}
	all.Wait()
	tell("")
	return cmp.Or(h.err, ctx.Err())
}

// take returns the next seed to play, or 0.
func (h *hunt) take() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.caught != nil || h.err != nil || h.next == h.seeds {
		return 0
	}
	h.next++
	return uint64(h.next)
}

func (h *hunt) play(ctx context.Context, seed uint64, core int) {
	out, err := runner.Run(ctx, runner.Options{Scenario: h.scenario, Seed: seed, Program: h.program, NoTrace: true, Core: core})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done++
	switch {
	case err != nil:
		h.err = fmt.Errorf("%s, seed %d: %w", h.name, seed, err)
	case h.stop(&out.Result):
		if h.caught == nil || seed < h.caught.Seed {
			h.caught = &out.Result
		}
	case out.Result.Verdict == reports.Fail:
		h.others++
		fmt.Printf("          %-24s seed %d: %s\n", h.name, seed, out.Result.Cause())
	case out.Result.Verdict == reports.Inconclusive:
		h.open++
	}
	h.progress()
}

// progress keeps one line of the terminal up to date.
func (h *hunt) progress() {
	if time.Since(h.printed) < 100*time.Millisecond {
		return
	}
	h.printed = time.Now()
	tell("%s: %d of at most %d seeds, %.1f s", h.name, h.done, h.seeds, time.Since(h.began).Seconds())
}

// notes says what else there was to see.
func (h *hunt) notes() string {
	s := fmt.Sprintf(" (%d runs, %.1f s", h.done, time.Since(h.began).Seconds())
	if h.others > 0 {
		s += fmt.Sprintf(", %d failed in another way", h.others)
	}
	if h.open > 0 {
		s += fmt.Sprintf(", %d inconclusive", h.open)
	}
	return s + ")"
}
