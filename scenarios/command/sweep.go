package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
)

const sweepHelp = `sweep [-seeds LIST] [-scenario NAME] [-shard I/N] [-out FOLDER] [-compare FOLDER]

Runs a scenario with every seed of a list, like 1-100 or 3,7,20-40, after the seeds that are pinned for it because they
once failed, each in a process of its own, on all cores. Keeps what failing and inconclusive runs
left, and prints the command that repeats each. At the end, also after Ctrl-C, it sums up what the
runs came to, and where a monitor looked, how alerts named the faults; a run that was under way then is
given up, and leaves nothing. The same stands in the folder:
summary.txt for people, sweep.json with each run, and junit.xml for build servers.

With -shard it plays one of N parts of the seeds, which together are all of them, for N machines.

Each failure, by its check and what the check says, is compared with what the sweep before it in the
folder knew (-compare: in another folder): it is new, ongoing, or regressed if it had been resolved.
One that is not met is resolved if the seed that showed it last was played and not inconclusive, and
unseen else. The history is a file of JSON lines, failures.jsonl.

A sweep fails although no run does if a kind of fault was never felt that had to be: one that is
required; one that was played twenty times or more; and with a hundred seeds or more, each that
the scenario can draw.

Examples:
  picloud sweep -seeds 1-100
  picloud sweep -seeds 1-20 -scenario first-cloud
  picloud sweep -seeds 1-100 -scenario store -shard 2/4
  picloud sweep -seeds 1-100 -scenario store -compare yesterday/sweep-store`

// Sweep runs a scenario with many seeds on all cores.
func Sweep(ctx context.Context, args []string) error {
	f := flags("sweep", sweepHelp)
	seeds := f.String("seeds", "1-20", seedsUsage)
	name := f.String("scenario", DefaultScenario, "the scenario")
	shard := f.String("shard", "", "the part of the seeds, I/N with I from 1 to N (default all)")
	out := f.String("out", "", "the folder for the runs that did not pass (default out/sweep-SCENARIO)")
	compare := f.String("compare", "", "the folder of an earlier sweep (default the folder of this one)")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	asked, err := seedList(*seeds)
	if err != nil {
		return err
	}
	s, err := scenarios.Load(*name)
	if err != nil {
		return err
	}
	list, err := withPinned(s.Name, asked)
	if err != nil {
		return err
	}
	if list, err = part(list, *shard); err != nil {
		return err
	}
	w := newSweep(s.Name, cmp.Or(*out, filepath.Join("out", "sweep-"+s.Name)))
	w.shard, w.list, w.may, w.required = *shard, list, s.Kinds(), s.Faults.Required
	for _, seed := range list {
		if err := vacant(w.runFolder(seed)); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	if err := w.remember(*compare); err != nil {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	if w.program, err = os.Executable(); err != nil {
		return err
	}
	return w.run(ctx, *workers, w.play(*name))
}

// withPinned returns the seeds to play of a scenario, those that are pinned for it first. Each is there once: its run has one folder.
func withPinned(scenario string, asked []uint64) ([]uint64, error) {
	list, err := pinned(scenario)
	return once(append(list, asked...)), err
}

// part returns the seeds of a shard, "2/4", in their order: every fourth of them, from the second on.
func part(seeds []uint64, shard string) ([]uint64, error) {
	if shard == "" {
		return seeds, nil
	}
	a, b, _ := strings.Cut(shard, "/")
	i, errI := strconv.Atoi(a)
	n, errN := strconv.Atoi(b)
	if errI != nil || errN != nil || i < 1 || i > n {
		return nil, fmt.Errorf("the shard is I/N with I from 1 to N, like 2/4, not %q", shard)
	}
	var mine []uint64
	for place := i - 1; place < len(seeds); place += n {
		mine = append(mine, seeds[place])
	}
	if mine == nil {
		return nil, fmt.Errorf("the shard %s of %d seeds is empty", shard, len(seeds))
	}
	return mine, nil
}

// run plays seeds and says what they came to, also when it is interrupted.
func (w *sweep) run(ctx context.Context, workers int, play player) error {
	_, ended := hunt.Hunt{Seeds: w.list, Workers: workers, Play: play, Each: w.count}.Run(ctx)
	if w.endless && errors.Is(ended, context.DeadlineExceeded) {
		ended = nil
	}
	verdict, err := w.finish(ended)
	return cmp.Or(ended, err, verdict)
}

// ending says why not all was played.
func ending(err error) string {
	if errors.Is(err, context.Canceled) {
		return "it was interrupted"
	}
	return err.Error()
}

// player plays a seed on a core.
type player func(ctx context.Context, core int, seed uint64) (*reports.Result, error)

// mostSeeds is how many seeds one command may be told to play.
const mostSeeds = 1_000_000

// between says that a number of a command's is out of its bounds.
func between[N int | uint64](command, flag string, n, least, most N) error {
	if n < least || n > most {
		return fmt.Errorf("%s: -%s is %d to %d, not %d", command, flag, least, most, n)
	}
	return nil
}

// seedsUsage says what seedList reads.
const seedsUsage = "the seeds, like 7, 1-100, or 3,7,20-40"

// seedList reads seeds and ranges of them, like 3,7,20-40. Each is there once, where it is named first.
func seedList(text string) ([]uint64, error) {
	var list []uint64
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(part, "-")
		if !isRange {
			b = a
		}
		from, errA := strconv.ParseUint(a, 10, 64)
		to, errB := strconv.ParseUint(b, 10, 64)
		switch {
		case errA != nil || errB != nil:
			return nil, fmt.Errorf("seeds are numbers from 0 to %d, like 7, 1-100, or 3,7,20-40, not %q", uint64(math.MaxUint64), text)
		case to < from:
			return nil, fmt.Errorf("the seeds %s go down: their first is the smaller one", part)
		case to-from >= mostSeeds || uint64(len(list))+to-from >= mostSeeds:
			return nil, fmt.Errorf("the seeds %s are more than a million", text)
		}
		list = append(list, hunt.Range(from, to)...)
	}
	return once(list), nil
}

// once returns a list with each seed where it stands first.
func once(seeds []uint64) []uint64 {
	seen := make(map[uint64]bool, len(seeds))
	return slices.DeleteFunc(seeds, func(seed uint64) bool {
		again := seen[seed]
		seen[seed] = true
		return again
	})
}

// sweep is a sweep under way.
type sweep struct {
	program string
	name    string // of the scenario
	folder  string
	shard   string
	list    []uint64
	endless bool                   // the list is longer than there is time for
	before  []reports.SweepHistory // what is known
	past    []reports.SweepHistory // what stands in the folder, and goes on

	may      []string     // the kinds of faults that there may be
	required []chaos.Kind // of them

	runs         []reports.SweepRun
	fail         int
	inconclusive int
	played       map[string]int // faults of a kind
	kinds        map[string]int // runs that felt a kind
	checks       map[string]int // runs in which a check counted something
	scores       scores
	operations   int
	simulated    time.Duration
	began        time.Time
}

func newSweep(name, folder string) *sweep {
	return &sweep{name: name, folder: folder, played: map[string]int{}, kinds: map[string]int{}, checks: map[string]int{}, began: time.Now()}
}

// remember reads what the sweeps before knew, in the folder of this one, or in another one that it is compared with. The history of
// the folder goes on in either case; where there is none, the other one does.
func (w *sweep) remember(compare string) (err error) {
	if w.past, err = reports.ReadSweeps(w.folder); err != nil {
		return err
	}
	if w.before = w.past; compare == "" {
		return nil
	}
	if w.before, err = reports.ReadSweeps(compare); err != nil {
		return err
	}
	if !slices.ContainsFunc(w.before, func(h reports.SweepHistory) bool { return h.Scenario == w.name }) { // all failures would be new
		return fmt.Errorf("sweep: no sweep of %s has ended in %s: its %s has none", w.name, compare, reports.HistoryFile)
	}
	if w.past == nil {
		w.past = w.before
	}
	return nil
}

// runFolder is where a run of a seed leaves what it does.
func (w *sweep) runFolder(seed uint64) string {
	return filepath.Join(w.folder, strconv.FormatUint(seed, 10))
}

// play returns what runs one seed of a scenario in a process of its own. What passed, or was given up, is not kept.
func (w *sweep) play(scenario string) player {
	return func(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
		r, err := runSeed(ctx, w.program, scenario, seed, w.runFolder(seed), core)
		return w.keep(ctx, seed, r, err)
	}
}

// keep takes away what a run left that passed, or was given up.
func (w *sweep) keep(ctx context.Context, seed uint64, r *reports.Result, err error) (*reports.Result, error) {
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), os.RemoveAll(w.runFolder(seed))) // also if the run has just come to its end
	}
	if err == nil && r.Verdict == reports.Pass {
		err = os.RemoveAll(w.runFolder(seed))
	}
	return r, err
}

func (w *sweep) count(r *reports.Result) {
	w.runs = append(w.runs, reports.SweepRunOf(r))
	w.operations += r.Operations.OK
	w.simulated += time.Duration(r.SimulatedSeconds)
	w.scores.add(r)
	felt := map[string]bool{}
	for _, f := range r.Faults {
		w.played[f.Kind]++
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
		w.fail++
		w.show(r)
	case reports.Inconclusive:
		w.inconclusive++
		w.show(r)
	}
	line := fmt.Sprintf("%d%s runs, %d failed, %d inconclusive", len(w.runs), w.of(), w.fail, w.inconclusive)
	if tell("%s", line); !isTerminal(os.Stderr) && len(w.runs)%10 == 0 {
		fmt.Fprintln(os.Stderr, line)
	}
}

// of says how many runs there are to be.
func (w *sweep) of() string {
	if w.endless {
		return ""
	}
	return fmt.Sprintf(" of %d", len(w.list))
}

// show prints why a run did not pass, how to repeat it, and how to cut it down if it failed.
func (w *sweep) show(r *reports.Result) {
	tell("")
	fmt.Printf("%-13s seed %-6d %s\n              %s\n", r.Verdict, r.Seed, r.Cause(), r.Replay)
	if r.Verdict == reports.Fail {
		fmt.Printf("              %s\n", cutDown(mutant.Planted, w.runFolder(r.Seed)))
	}
}

// cutDown returns the command that cuts down a run in a folder, played by the build with a planted bug, or by that without. Make would take a
// name with a space apart.
func cutDown(planted mutant.Name, folder string) string {
	if planted == mutant.None && quoted(folder) == folder {
		return "make shrink RUN=" + folder
	}
	return typed(planted) + " shrink " + quoted(folder)
}

// finish prints what the runs came to together, writes it into the folder, and returns the verdict. What ended the sweep before all was
// played, if something did, is no pass; neither is a sweep without a run.
func (w *sweep) finish(ended error) (verdict, err error) {
	tell("")
	if len(w.runs) == 0 {
		fmt.Printf("no run of %s came to its end\n", w.name)
		return Inconclusive, nil
	}
	places := map[uint64]int{}
	for place, seed := range w.list {
		places[seed] = place
	}
	slices.SortStableFunc(w.runs, func(a, b reports.SweepRun) int { return cmp.Compare(places[a.Seed], places[b.Seed]) })
	all := &reports.Sweep{Scenario: w.name, Shard: w.shard, Asked: len(w.list), Verdict: reports.Pass, Runs: w.runs, Failed: w.fail, Inconclusive: w.inconclusive,
		Passed: len(w.runs) - w.fail - w.inconclusive, Failures: reports.Triage(reports.Known(w.before, w.name), w.runs)}
	if w.endless {
		all.Asked = len(w.runs)
	}
	never := w.never()
	switch {
	case w.fail > 0 || len(never) > 0:
		all.Verdict, verdict = reports.Fail, Fail
	case ended != nil || undecided(w.inconclusive, len(w.runs)):
		all.Verdict, verdict = reports.Inconclusive, Inconclusive
	}
	var why []string
	if len(never) > 0 {
		why = append(why, "no run felt what it had to: "+strings.Join(never, ", "))
	}
	if ended != nil {
		why = append(why, "it ended before all was played: "+ending(ended))
	}
	all.Why = strings.Join(why, "; ")
	var b strings.Builder
	w.sum(&b)
	b.WriteString(reports.FailureText(all.Failures))
	for _, line := range why {
		fmt.Fprintln(&b, line)
	}
	fmt.Print("\n" + b.String())
	return verdict, errors.Join(reports.WriteFile(filepath.Join(w.folder, reports.SummaryFile), []byte(b.String())), reports.WriteSweep(w.folder, all, w.past))
}

// What a sweep must feel, beside what is required. A fault finds nothing to do now and then (loss on an idle link), but not twenty times; and
// in a hundred runs each kind has its turn.
const (
	playedOften = 20
	manySeeds   = 100
)

// never returns the kinds of faults that no run felt and that one had to.
func (w *sweep) never() []string {
	return slices.DeleteFunc(slices.Clone(w.may), func(kind string) bool {
		must := slices.Contains(w.required, chaos.Kind(kind)) || w.played[kind] >= playedOften || len(w.runs) >= manySeeds
		return w.kinds[kind] > 0 || !must
	})
}

// sum writes what the runs came to.
func (w *sweep) sum(to io.Writer) {
	kinds := slices.Sorted(slices.Values(w.may))
	fmt.Fprintln(to, "Fault kinds, by the number of runs that felt them:")
	for i, kind := range kinds {
		fmt.Fprintf(to, "  %-24s%5d", kind, w.kinds[kind])
		if i%2 == 1 || i == len(kinds)-1 {
			fmt.Fprintln(to)
		}
	}
	w.scores.write(to)
	left, done := "", len(w.runs)
	if done < len(w.list) {
		left = w.of()
	}
	fmt.Fprintf(to, "\n%d%s runs of %s: %d passed, %d failed, %d inconclusive; %d operations in %.0f simulated seconds, %.0f s of real time\n",
		done, left, w.name, done-w.fail-w.inconclusive, w.fail, w.inconclusive, w.operations, w.simulated.Seconds(), time.Since(w.began).Seconds())
	for _, name := range slices.Sorted(maps.Keys(w.checks)) {
		if n := w.checks[name]; n < done {
			fmt.Fprintf(to, "%s counted something in %d of %d runs\n", name, n, done)
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

// undecided tells whether too many of some runs are inconclusive: more than 5 %.
func undecided(inconclusive, runs int) bool { return 20*inconclusive > runs }
