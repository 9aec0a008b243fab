package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"picloud/reports"
	"picloud/scenarios/cause"
)

// causeFile is what picloud cause found, in the folder of the run.
const causeFile = "cause.json"

// Cause tells which faults and parts of a failing run mattered, and when its failure was certain.
func Cause(ctx context.Context, args []string) error {
	f := flags("cause", `cause FOLDER

Tells what mattered in a run that fails, best one that picloud shrink has cut down. Plays it again with
one thing changed at a time, with the run's own seed and with those that follow it: each fault left
out, healed after half or a tenth of its time, machines that faults aim at in each other's places, and with
other cards. Then branches the run at moments, with its own seed: no fault begins from then on, and
those there are are healed. So it shows when the failure became certain. The same stands in cause.json
in the folder.

Examples:
  picloud cause out/shrink-short-cloud-7
  picloud cause -seeds 10 out/shrink-short-cloud-7`)
	seeds := f.Int("seeds", 4, "seeds that are played with each change")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	program := f.String("program", "", "the build of picloud that is played, for instance with a planted bug (default this one)")
	if err := parse(f, args, 1); err != nil {
		return err
	}
	if *seeds < 1 || *workers < 1 {
		return errors.New("cause: -seeds and -workers are at least 1")
	}
	whole, run, _, err := runIn(f.Arg(0))
	if err != nil {
		return err
	}
	c := &cutting{whole: whole, folder: f.Arg(0)}
	if c.program, err = programOr(ctx, *program); err != nil {
		return err
	}
	r, err := cause.Job{Scenario: whole, Run: run, Seeds: *seeds, Workers: *workers, Play: c.play,
		Played: func(n int) { tell("%d runs", n) }}.Find(ctx)
	tell("")
	if errors.Is(err, cause.ErrPasses) {
		return fmt.Errorf("cause: played again, %s fails no check: there is no cause to find", f.Arg(0))
	}
	if err != nil {
		return err
	}
	fmt.Print(r)
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return reports.WriteFile(filepath.Join(f.Arg(0), causeFile), append(text, '\n'))
}
