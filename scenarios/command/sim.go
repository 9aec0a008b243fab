package command

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/accesslog"
	"picloud/scenarios/runner"
)

// DefaultScenario is what runs when none is named.
const DefaultScenario = "pinboard"

// Sim runs a scenario in the simulated world and judges it.
func Sim(ctx context.Context, args []string) error {
	f := flags("sim", `sim [-seed N] [-scenario NAME] [-out FOLDER] [-schedule FILE] [-without DEFENCE] [-log FILE]

Runs a scenario in the simulated world: machines, network, disks, clients, and the faults that the
seed decides. Leaves a report, and ends with status 0 for pass, 1 for fail, 2 for bad input and 3
for inconclusive: a required fault had no effect, or a check saw too little.

Examples:
  picloud sim
  picloud sim -seed 7 -scenario first-cloud -out out/seven
  picloud sim -seed 7 -schedule out/pinboard-7/schedule.txt   (with the lines you left in it)
  picloud sim -seed 7 -scenario access-log -log access.log    (of your own server, in the format common or combined)`)
	seed := f.Uint64("seed", 0, "decides everything that happens; if it is left out one is picked at random")
	name := f.String("scenario", DefaultScenario, "the scenario: a name, or a file that ends in .yaml")
	out := f.String("out", "", "the folder for what the run leaves (default out/SCENARIO-SEED)")
	schedule := f.String("schedule", "", "a file with the faults to play in place of the scenario's")
	noTrace := f.Bool("no-trace", false, "leave out the trace, which is most of what a run writes")
	without := f.String("without", "", "a defence of the nodes to switch off: "+strings.Join(scenarios.Defences(), ", "))
	log := f.String("log", "", "a file with the access log to replay in place of one that is made, as it is or ending in .gz")
	core := f.Int("core", -1, "the CPU core to run on; -1 is any")
	race := f.Bool("race", false, "run machines with the race detector")
	quiet := f.Bool("q", false, "print the verdict only")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	o := runner.Options{Seed: *seed, NoTrace: *noTrace, Core: *core, Race: *race, Folder: *out}
	var err error
	if o.Scenario, err = load(*name, *without); err != nil {
		return err
	}
	if *log != "" {
		if err := useLog(o.Scenario, *log); err != nil {
			return err
		}
	}
	if *schedule != "" {
		if o.Schedule, err = scheduleIn(*schedule); err != nil {
			return err
		}
	}
	if err := o.Validate(); err != nil {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	if o.Program, err = program(ctx, *race); err != nil {
		return err
	}
	if !given(f, "seed") {
		o.Seed = randomSeed()
		fmt.Printf("seed %d, picked at random\n", o.Seed)
	}
	if o.Folder == "" {
		o.Folder = filepath.Join("out", fmt.Sprintf("%s-%d", o.Scenario.Name, o.Seed))
	}
	o.Replay = repeat(mutant.Planted, o.Seed, *name, *without, *schedule, *log)
	if !*quiet {
		o.Progress = progress()
	}
	done, err := runner.Run(ctx, o)
	if err != nil {
		return err
	}
	show(done, o.Folder, *quiet)
	return verdict(done.Result.Verdict)
}

// scheduleIn returns the faults of a file.
func scheduleIn(file string) (chaos.Schedule, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return chaos.Parse(file, string(text))
}

// load returns a scenario, without one of its defences if that is said.
func load(name, without string) (*scenarios.Scenario, error) {
	s, err := scenarios.Load(name)
	if err == nil && without != "" {
		err = s.SwitchOff(without)
	}
	return s, err
}

// useLog has the scenario replay a log.
func useLog(s *scenarios.Scenario, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text := io.Reader(f)
	if strings.HasSuffix(name, ".gz") {
		if text, err = gzip.NewReader(f); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	requests, err := accesslog.Parse(name, text)
	if err != nil {
		return err
	}
	if err := s.UseLog(requests); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// repeat returns the command that repeats a run of the build with a planted bug, or of that without. Make would take a name with a space
// apart; the program itself does not.
func repeat(planted mutant.Name, seed uint64, name, without, schedule, log string) string {
	command, option := "make sim", func(name, value string) string { return " " + strings.ToUpper(name) + "=" + value }
	if all := name + without + schedule + log; planted != mutant.None || quoted(all) != all {
		command, option = typed(planted)+" sim", func(name, value string) string { return " -" + name + " " + quoted(value) }
	}
	command += option("seed", strconv.FormatUint(seed, 10)) + option("scenario", name)
	for _, o := range []struct{ name, value string }{{"without", without}, {"schedule", schedule}, {"log", log}} {
		if o.value != "" {
			command += option(o.name, o.value)
		}
	}
	return command
}

// program returns the path of the program that simulated machines run: this one, or a build with
// the race detector.
func program(ctx context.Context, race bool) (string, error) {
	if race {
		return simBuild(ctx, true)
	}
	return os.Executable()
}

// progress returns a function that keeps one line of the terminal up to date.
func progress() func(now, end time.Duration) {
	if !isTerminal(os.Stderr) {
		return nil
	}
	began := time.Now()
	return func(now, end time.Duration) {
		wall := time.Since(began)
		fmt.Fprintf(os.Stderr, "\r%4.0f of %.0f simulated seconds, %.0f times real time ", now.Seconds(), end.Seconds(), now.Seconds()/max(wall.Seconds(), 0.001))
		if now >= end {
			fmt.Fprint(os.Stderr, "\r\033[K")
		}
	}
}

func show(o *runner.Outcome, folder string, quiet bool) {
	if quiet {
		fmt.Printf("%s %s seed %d\n", o.Result.Verdict, o.Result.Scenario, o.Result.Seed)
		return
	}
	fmt.Print(reports.Summary(&o.Result))
	simulated := time.Duration(o.Result.SimulatedSeconds).Seconds()
	fmt.Printf("\n%.1f s of real time (%.0f times faster than the clock), %.1f s of them to judge; %d turns of machines\n",
		o.Timing.WallSeconds, simulated/o.Timing.WallSeconds, o.Timing.CheckSeconds, o.Turns)
	fmt.Printf("report: %s\n", filepath.Join(folder, reports.PageFile))
}
