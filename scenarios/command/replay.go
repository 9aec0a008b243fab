package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/runner"
)

// replayFolder is where the replay of a run goes, in the folder of the run.
const replayFolder = "replay"

// Judge judges a run again from its files.
func Judge(_ context.Context, args []string) error {
	f := flags("judge", `judge FOLDER

Judges again what a run left in a folder, from its history, schedule and counts alone, and writes
the reports anew. A folder in which something of that is not as the run left it is refused.

Example:
  picloud judge out/first-cloud-7`)
	if err := parse(f, args, 1); err != nil {
		return err
	}
	r, err := scenarios.JudgeFolder(f.Arg(0))
	if err != nil {
		return err
	}
	fmt.Print(reports.Summary(&r))
	return verdict(r.Verdict)
}

// Replay plays a run again from its files and tells whether the same happened.
func Replay(ctx context.Context, args []string) error {
	f := flags("replay", `replay FOLDER

Plays a run again, with the scenario, the seed and the schedule that stand in its folder, into
FOLDER/replay, and tells whether the same happened. Take lines out of FOLDER/schedule.txt to see
whether a failure needs them.

Example:
  picloud replay out/first-cloud-7`)
	if err := parse(f, args, 1); err != nil {
		return err
	}
	s, run, err := scenarios.LoadRun(f.Arg(0))
	edited := errors.Is(err, scenarios.ErrScheduleEdited)
	if err != nil && !edited {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	folder := filepath.Join(f.Arg(0), replayFolder)
	done, err := runner.Run(ctx, runner.Options{Scenario: s, Seed: run.Seed, Schedule: run.Schedule, Program: self,
		Folder: folder, Core: -1, Replay: again(mutant.Planted, f.Arg(0), &run, edited), Progress: progress()})
	if err != nil {
		return err
	}
	show(done, folder, false)
	fmt.Println(compared(&run, done.Result.TraceHash))
	return verdict(done.Result.Verdict)
}

// compared says whether a replay with this trace is what happened in the run.
func compared(run *scenarios.Run, trace string) string {
	switch {
	case reports.IsLive(run.TraceHash):
		return "the run was a live one, and left no trace: this is what its scenario and schedule come to in the simulated world"
	case run.TraceHash == trace:
		return "the same happened: the traces are equal"
	}
	return fmt.Sprintf("something else happened: the trace was %.16s…, now it is %.16s…", run.TraceHash, trace)
}

// again returns the command that repeats the replay of a run in a folder, with the build that has a planted bug, or that without. It is
// the run's own, unless that plays other faults, or plays them on real processes.
func again(planted mutant.Name, folder string, run *scenarios.Run, edited bool) string {
	if !edited && !reports.IsLive(run.TraceHash) {
		return run.Replay
	}
	in := func(name string) string { return quoted(filepath.Join(folder, name)) }
	return fmt.Sprintf("%s sim -seed %d -scenario %s -schedule %s -out %s", typed(planted), run.Seed,
		in(scenarios.ScenarioFile), in(scenarios.ScheduleFile), in(replayFolder)) // elsewhere it could take the run's own place
}

// typed returns the program that has a planted bug, or that without, as somebody types it in a checkout.
func typed(planted mutant.Name) string {
	if planted == mutant.None {
		return filepath.Join(binFolder, "picloud")
	}
	return built(planted)
}

// plain is what a shell takes as it is.
var plain = regexp.MustCompile(`^[\w./,:@+-]*$`)

// quoted returns a text so that a shell takes it as one word.
func quoted(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
