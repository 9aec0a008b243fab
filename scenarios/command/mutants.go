package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios/hunt"
	"picloud/scenarios/mutants"
	"picloud/scenarios/shrink"
)

// mutantFolder is where a checkout keeps its builds with planted bugs.
const mutantFolder = ".cache/mutants"

// Mutants plants bugs in our own code and looks for each.
func Mutants(ctx context.Context, args []string) error {
	f := flags("mutants", `mutants [-seeds N] [-hunts N] [-cuts N] [-only NAMES] [-out FOLDER]

Plants bugs in our own code, one at a time, and plays seeds of its scenario until a check fails that shows the bug; of
some that no scenario shows by what users see, a test of a package must fail that shows it. What fails otherwise is printed, and finds nothing.
A mutant that nothing finds is a hole in the checks or in the faults, and a failure. So is a seed that found one, in whichever hunt, and also
fails without a mutant: all these are played again. That the tests pass without a mutant is not tried here. Works inside a checkout of the project only.

How many seeds it took is the median of some hunts, each from the seed on that follows the last find, within -seeds in all. The
first find is cut down to as few faults as fail the same check, by playing its own seed and the next one; if more than three are
left, so are the next ones, one after the other, until one has three or fewer.

Examples:
  picloud mutants
  picloud mutants -only stale-read,early-answer -seeds 200`)
	seeds := f.Uint64("seeds", 50, "seeds that are played for a mutant at most")
	hunts := f.Int("hunts", 3, "times that a mutant is looked for")
	cuts := f.Int("cuts", 100, "runs that are played to cut a find down")
	only := f.String("only", "", "the mutants to look for, separated by commas")
	out := f.String("out", filepath.Join("out", "mutants"), "the folder for the runs that found something")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if err := between("mutants", "seeds", *seeds, 1, mostSeeds); err != nil {
		return err
	}
	e := effort{*hunts, *cuts}
	if err := e.validate(); err != nil {
		return fmt.Errorf("mutants: %w", err)
	}
	list, err := named(mutants.All(), "mutant", func(m mutants.Mutant) string { return string(m.Name) }, *only)
	if err != nil {
		return err
	}
	root, err := checkout()
	if err != nil {
		return err
	}
	h := &mutantHunt{root: root, out: *out, most: *seeds, effort: e, workers: max(*workers, 1), needed: map[string][]uint64{}}
	return h.all(ctx, list)
}

// mutantHunt is a hunt for mutants under way.
type mutantHunt struct {
	root, out string
	most      uint64
	effort    effort
	workers   int
	needed    map[string][]uint64 // by scenario: the seeds that found a mutant, of all hunts
}

func (h *mutantHunt) all(ctx context.Context, list []mutants.Mutant) error {
	began := time.Now()
	fmt.Println("mutant            seeds  check                  faults  what it does wrong")
	var missed int
	var took []search
	for _, m := range list {
		if m.Scenario == "" {
			found, err := h.byTests(ctx, &m)
			if err != nil {
				return err
			}
			if !found {
				missed++
			}
			continue
		}
		found, s, err := h.plant(ctx, &m)
		if err != nil {
			return err
		}
		if found == nil {
			missed++
			fmt.Printf("%-16s %6d  %-20s %8s  %s\n", m.Name, h.most, "NOT FOUND", "-", m.Meaning)
			continue
		}
		took = append(took, s)
		fmt.Printf("%-16s %6d  %-20s %8s  %s\n", m.Name, s.median(), m.ShownBy(failures(found)), s.size(), m.Meaning)
		fmt.Printf("%24s seeds of each hunt: %s; again: %s sim -seed %d -scenario %s\n", "", s.each(), built(m.Name), found.Seed, m.Scenario)
	}
	innocent, err := h.withoutMutant(ctx)
	if err != nil {
		return err
	}
	without := "all of the seeds that found them pass without a mutant"
	if innocent != nil {
		without = fmt.Sprintf("but seed %d does not pass without a mutant either: %s", innocent.Seed, innocent.Cause())
	}
	fmt.Printf("%d of %d mutants found; %s; %.0f s of real time\n", len(list)-missed, len(list), without, time.Since(began).Seconds())
	if text := small(took); text != "" {
		fmt.Println(text)
	}
	if missed > 0 || innocent != nil {
		return Fail
	}
	return nil
}

// byTests looks whether the tests of the mutant's package that are to show it fail with it. That they pass without it is what make test is for.
func (h *mutantHunt) byTests(ctx context.Context, m *mutants.Mutant) (found bool, err error) {
	tell("%s: testing", m.Name)
	defer tell("")
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-tags", m.Name.Tags(), "./"+m.Package)
	cmd.Dir = h.root
	out, err := cmd.CombinedOutput()
	var failed []string
	for _, match := range regexp.MustCompile(`(?m)^--- FAIL: (\w+)`).FindAllSubmatch(out, -1) {
		failed = append(failed, string(match[1]))
	}
	by := m.ShownBy(failed)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && failed == nil: // it does not build, or there is no go
		return false, fmt.Errorf("mutants: test %s with %s: %w: %s", m.Package, m.Name, err, out)
	case by == "":
		for _, test := range failed {
			failsOtherwise(m.Name, test)
		}
		fmt.Printf("%-16s %6s  %-20s %8s  %s\n", m.Name, "-", "NOT FOUND", "-", m.Meaning)
		return false, nil
	}
	fmt.Printf("%-16s %6s  %-20s %8s  %s\n", m.Name, "-", m.Package, "-", m.Meaning)
	fmt.Printf("%24s %s\n", "", by)
	return true, nil
}

// failsOtherwise says of something that failed that it does not show the mutant.
func failsOtherwise(name mutant.Name, what string) {
	tell("")
	fmt.Printf("%-16s fails in another way: %s\n", name, what)
}

// failures returns the names of the checks that a run failed.
func failures(r *reports.Result) (names []string) {
	for _, c := range r.Checks {
		if c.Status == reports.Fail {
			names = append(names, c.Name)
		}
	}
	return names
}

// plant builds a mutant, looks for it, and cuts what it finds down.
func (h *mutantHunt) plant(ctx context.Context, m *mutants.Mutant) (*reports.Result, search, error) {
	program, err := planted(ctx, h.root, m.Name)
	if err != nil {
		return nil, search{}, err
	}
	program = filepath.Join(h.root, program)
	found, s, err := h.find(ctx, m, program)
	if err == nil && found != nil {
		err = h.effort.cutFinds(&s, func(seed uint64) error { return h.cut(ctx, m, program, seed, &s) })
	}
	if err != nil {
		return nil, s, err
	}
	return found, s, nil
}

// find plays seeds until the mutant was found some times, and notes each that found it.
func (h *mutantHunt) find(ctx context.Context, m *mutants.Mutant, program string) (*reports.Result, search, error) {
	return h.effort.search(h.most, func(from, to uint64) (*reports.Result, error) {
		shown := func(r *reports.Result) bool { return m.ShownBy(failures(r)) != "" }
		found, err := h.hunt(ctx, m.Name, program, m.Scenario, hunt.Range(from, to), shown)
		if err == nil && found != nil && !slices.Contains(h.needed[m.Scenario], found.Seed) {
			h.needed[m.Scenario] = append(h.needed[m.Scenario], found.Seed)
		}
		return found, err
	})
}

// cut leaves out faults of the run that found a mutant, as long as a check fails that shows it.
func (h *mutantHunt) cut(ctx context.Context, m *mutants.Mutant, program string, seed uint64, s *search) error {
	folder := h.folder(m.Name, seed)
	c := &cutting{program: program, folder: filepath.Join(folder, "cut"), of: folder}
	defer tell("")
	tell("%s: cutting down what seed %d found", m.Name, seed)
	whole, run, _, err := runIn(folder)
	if err != nil {
		return err
	}
	c.whole = whole
	job := shrink.Job{Run: run, Workers: h.workers, Possible: c.possible, Play: showing(m.Breaks, c.play)}
	small, err := h.effort.cut(ctx, s, &job)
	if err == nil && small != nil {
		err = errors.Join(c.write(small.Run, fmt.Sprintf("The mutant %s is found with %s.", m.Name, shrink.Faults(len(small.Run.Faults)))), c.report(small, &job))
	}
	return err
}

// showing has runs played of which only the checks count that a bug breaks: the first that fails is what a run is cut down by.
func showing(breaks []string, play func(context.Context, int, shrink.Run) (*reports.Result, error)) func(context.Context, int, shrink.Run) (*reports.Result, error) {
	return func(ctx context.Context, core int, run shrink.Run) (*reports.Result, error) {
		r, err := play(ctx, core, run)
		if err == nil {
			r.Checks = slices.DeleteFunc(r.Checks, func(c reports.Check) bool { return !slices.Contains(breaks, c.Name) })
		}
		return r, err
	}
}

// folder is where a run that found something is kept.
func (h *mutantHunt) folder(name mutant.Name, seed uint64) string {
	return filepath.Join(h.out, string(name), strconv.FormatUint(seed, 10))
}

// built returns the path of the build that has a mutant, below the checkout.
func built(name mutant.Name) string { return filepath.Join(mutantFolder, string(name)) }

// planted makes the build that has a mutant, and returns its path below the checkout.
func planted(ctx context.Context, root string, name mutant.Name) (string, error) {
	program := built(name)
	tell("%s: building", name)
	return program, build(ctx, filepath.Join(root, program), root, false, name.Tags())
}

// unplanted stands for the code as it is, in what is said and in folders.
const unplanted mutant.Name = "none"

// hunt plays seeds with a build until a run is wanted. What did not fail is not kept.
func (h *mutantHunt) hunt(ctx context.Context, name mutant.Name, program, scenario string, seeds []uint64, wanted func(*reports.Result) bool) (*reports.Result, error) {
	defer tell("")
	others := map[string]bool{} // checks of which one seed was told
	return hunt.Hunt{
		Seeds:   seeds,
		Workers: h.workers,
		Wanted:  wanted,
		Each: func(r *reports.Result) {
			if first, _, _ := strings.Cut(r.Cause(), ":"); failed(r) && !wanted(r) && !others[first] {
				others[first] = true
				failsOtherwise(name, fmt.Sprintf("seed %d: %s", r.Seed, r.Cause()))
			}
		},
		Play: func(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
			tell("%s: seed %d, at most %d seeds", name, seed, len(seeds))
			folder := h.folder(name, seed)
			if err := vacant(folder); err != nil {
				return nil, err
			}
			r, err := runSeed(ctx, program, scenario, seed, folder, core)
			if err != nil || !failed(r) {
				os.RemoveAll(folder)
			}
			return r, err
		},
	}.Run(ctx)
}

func failed(r *reports.Result) bool { return r.Verdict == reports.Fail }

// withoutMutant plays the seeds that found mutants in the code as it is, and returns the first of
// them that does not pass.
func (h *mutantHunt) withoutMutant(ctx context.Context) (*reports.Result, error) {
	program, err := simBuild(ctx, false)
	if err != nil {
		return nil, err
	}
	for _, scenario := range slices.Sorted(maps.Keys(h.needed)) {
		found, err := h.hunt(ctx, unplanted, program, scenario, h.needed[scenario], func(r *reports.Result) bool { return r.Verdict != reports.Pass })
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}
