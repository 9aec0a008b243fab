package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/runner"
)

// Judge judges a run again from its files.
func Judge(_ context.Context, args []string) error {
	f := flags("judge", `judge FOLDER

Judges again what a run left in a folder, from its history, schedule and counts alone, and writes
the reports anew.

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
	if errors.Is(err, scenarios.ErrScheduleEdited) {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	folder := filepath.Join(f.Arg(0), "replay")
	done, err := runner.Run(ctx, runner.Options{Scenario: s, Seed: run.Seed, Schedule: run.Schedule, Program: self,
		Folder: folder, Core: -1, Replay: run.Replay, Progress: progress()})
	if err != nil {
		return err
	}
	show(done, folder, false)
	if done.Result.TraceHash == run.TraceHash {
		fmt.Println("the same happened: the traces are equal")
	} else {
		fmt.Printf("something else happened: the trace was %.16s…, now it is %.16s…\n", run.TraceHash, done.Result.TraceHash)
	}
	return verdict(done.Result.Verdict)
}
