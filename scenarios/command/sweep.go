package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
)

// Sweep runs a scenario with many seeds on all cores.
func Sweep(ctx context.Context, args []string) error {
	f := flags("sweep", `sweep [-seeds A-B] [-scenario NAME] [-out FOLDER]

Runs a scenario with every seed from A to B, after the seeds that are pinned for it because they
once failed, each in a process of its own, on all cores. Keeps what failing and inconclusive runs
left, and prints the command that repeats each. With a hundred seeds or more, a kind of fault that
no run felt is a failure too, if the scenario plays all kinds. At the end, also after Ctrl-C, it sums
up what the runs came to, and where a monitor looked, how alerts named the faults; the same stands in
summary.txt in the folder.

Examples:
  picloud sweep -seeds 1-100
  picloud sweep -seeds 1-20 -scenario first-cloud`)
	seeds := f.String("seeds", "1-20", "the seeds, A-B")
	name := f.String("scenario", DefaultScenario, "the scenario")
	out := f.String("out", "", "the folder for the runs that did not pass (default out/sweep-SCENARIO)")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	from, to, err := seedRange(*seeds)
	if err != nil {
		return err
	}
	s, err := scenarios.Load(*name)
	if err != nil {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	if *out == "" {
		*out = filepath.Join("out", "sweep-"+s.Name)
	}
	w := &sweep{scenario: *name, folder: *out, kinds: map[string]int{}, checks: map[string]int{}, began: time.Now()}
	if w.program, err = os.Executable(); err != nil {
		return err
	}
	list, err := pinned(s.Name)
	if err != nil {
		return err
	}
	return w.run(ctx, s, append(list, hunt.Range(from, to)...), *workers, w.play)
}

// run plays seeds and says what they came to, also when it is interrupted.
func (w *sweep) run(ctx context.Context, s *scenarios.Scenario, seeds []uint64, workers int, play player) error {
	w.list = seeds
	_, ended := hunt.Hunt{Seeds: seeds, Workers: workers, Play: play, Each: w.count}.Run(ctx)
	verdict, err := w.finish(s)
	return cmp.Or(ended, err, verdict)
}

// player plays a seed on a core.
type player func(ctx context.Context, core int, seed uint64) (*reports.Result, error)

// seedRange reads "A-B" or "A".
func seedRange(text string) (from, to uint64, err error) {
	a, b, isRange := strings.Cut(text, "-")
	if !isRange {
		b = a
	}
	from, err = strconv.ParseUint(a, 10, 64)
	if err == nil {
		to, err = strconv.ParseUint(b, 10, 64)
	}
	if err != nil || to < from || to-from > 1e6 {
		return 0, 0, fmt.Errorf("the seeds are A-B with at most a million between, not %q", text)
	}
	return from, to, nil
}

// sweep is a sweep under way.
type sweep struct {
	program  string
	scenario string
	folder   string
	list     []uint64

	done         int
	fail         []uint64
	inconclusive []uint64
	kinds        map[string]int // runs that felt a kind
	checks       map[string]int // runs in which a check counted something
	scores       scores
	operations   int
	simulated    time.Duration
	began        time.Time
}

// play runs one seed in a process of its own. What passed is not kept.
func (w *sweep) play(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
	folder := filepath.Join(w.folder, strconv.FormatUint(seed, 10))
	r, err := runSeed(ctx, w.program, w.scenario, seed, folder, core)
	if err == nil && r.Verdict == reports.Pass {
		err = os.RemoveAll(folder)
	}
	return r, err
}

func (w *sweep) count(r *reports.Result) {
	w.done++
	w.operations += r.Operations.OK
	w.simulated += time.Duration(r.SimulatedSeconds)
	w.scores.add(r)
	felt := map[string]bool{}
	for _, f := range r.Faults {
		felt[f.Kind] = felt[f.Kind] || f.Felt
	}
	for kind, yes := range felt {
		if yes {
			w.kinds[kind]++
		}
	}
	for _, c := range r.Checks {
		if c.Count > 0 {
			w.checks[c.Name]++
		}
	}
	switch r.Verdict {
	case reports.Fail:
		w.fail = append(w.fail, r.Seed)
		w.show(r)
	case reports.Inconclusive:
		w.inconclusive = append(w.inconclusive, r.Seed)
		w.show(r)
	}
	line := fmt.Sprintf("%d of %d runs, %d failed, %d inconclusive", w.done, len(w.list), len(w.fail), len(w.inconclusive))
	if tell("%s", line); !isTerminal(os.Stderr) && w.done%10 == 0 {
		fmt.Fprintln(os.Stderr, line)
	}
}

// show prints why a run did not pass, and how to repeat it.
func (w *sweep) show(r *reports.Result) {
	tell("")
	fmt.Printf("%-13s seed %-6d %s\n              make sim SEED=%d SCENARIO=%s\n", r.Verdict, r.Seed, r.Cause(), r.Seed, w.scenario)
}

// finish prints what the runs came to together, writes it into the folder, and returns the verdict.
func (w *sweep) finish(s *scenarios.Scenario) (verdict, err error) {
	tell("")
	if w.done == 0 {
		return nil, nil
	}
	var never []string
	kinds := s.Kinds()
	sort.Strings(kinds)
	for _, kind := range kinds {
		if w.kinds[kind] == 0 {
			never = append(never, kind)
		}
	}
	all := true
	var b strings.Builder
	w.sum(&b, s.Name, kinds)
	if len(never) > 0 && all {
		fmt.Fprintf(&b, "never felt: %s\n", strings.Join(never, ", "))
	}
	fmt.Print("\n" + b.String())
	err = reports.WriteFile(filepath.Join(w.folder, reports.SummaryFile), []byte(b.String()))
	switch {
	case len(w.fail) > 0, len(never) > 0 && all && len(w.list) >= 100:
		verdict = Fail
	case 20*len(w.inconclusive) > w.done:
		verdict = Inconclusive
	}
	return verdict, err
}

// sum writes what the runs came to.
func (w *sweep) sum(to io.Writer, name string, kinds []string) {
	fmt.Fprintln(to, "Fault kinds, by the number of runs that felt them:")
	for i, kind := range kinds {
		fmt.Fprintf(to, "  %-24s%5d", kind, w.kinds[kind])
		if i%2 == 1 || i == len(kinds)-1 {
			fmt.Fprintln(to)
		}
	}
	w.scores.write(to)
	left := ""
	if w.done < len(w.list) {
		left = fmt.Sprintf(" of %d", len(w.list))
	}
	fmt.Fprintf(to, "\n%d%s runs of %s: %d passed, %d failed, %d inconclusive; %d operations in %.0f simulated seconds, %.0f s of real time\n",
		w.done, left, name, w.done-len(w.fail)-len(w.inconclusive), len(w.fail), len(w.inconclusive), w.operations, w.simulated.Seconds(), time.Since(w.began).Seconds())
	for _, name := range slices.Sorted(maps.Keys(w.checks)) {
		if n := w.checks[name]; n < w.done {
			fmt.Fprintf(to, "%s counted something in %d of %d runs\n", name, n, w.done)
		}
	}
}

// pinned returns the seeds of a scenario that failed once, from the file that lists them.
func pinned(scenario string) ([]uint64, error) {
	var seeds []uint64
	for n, line := range strings.Split(scenarios.Pinned(), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") || fields[0] != scenario {
			continue
		}
		seed := uint64(0)
		if len(fields) > 1 {
			if _, err := fmt.Sscan(fields[1], &seed); err == nil {
				seeds = append(seeds, seed)
				continue
			}
		}
		return nil, fmt.Errorf("pinned.txt:%d: %q is not a scenario, a seed and why", n+1, line)
	}
	return seeds, nil
}
