package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios/live"
)

// Live runs a cloud of real processes and kills them.
func Live(ctx context.Context, args []string) error {
	f := flags("live", `live [-kills N] [-seconds N] [-seed N] [-drop-unsynced] [-schedule FILE [-sim]] [-out FOLDER]

Runs a cloud of three nodes as real processes on this machine, loads it, kills nodes with kill -9 at
random moments, now and then all at once, and judges what clients saw as sim does. Ends with the same
statuses: 0 for pass, 1 for fail, 2 for bad input and 3 for inconclusive. The seed decides when which
node is killed; all else is this machine's.

With -schedule the faults of a file are played in place of the kills, as sim -schedule plays them; picloud chaos kinds
lists what can be played. With -sim the same schedule is then played on the same scenario in the simulated world, and
what both came to is shown side by side.

Examples:
  picloud live
  picloud live -seed 7 -drop-unsynced
  picloud live -schedule schedule.txt -sim`)
	seed := f.Uint64("seed", 1, "decides when which node is killed")
	kills := f.Int("kills", 50, "processes to kill")
	seconds := f.Int("seconds", 900, "after which nobody is killed any more: the run is inconclusive then")
	drop := f.Bool("drop-unsynced", false, "a kill takes away what was not synced, as a power cut does")
	schedule := f.String("schedule", "", "a file with the faults to play in place of the kills")
	both := f.Bool("sim", false, "play the schedule in the simulated world too")
	out := f.String("out", "", "the folder for what the run leaves (default out/live-SEED, or out/live-synced-SEED with -drop-unsynced)")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	name, flag := "live", ""
	if *drop {
		name, flag = "live-synced", " -drop-unsynced"
	}
	c := live.Config{
		Program: self, Seed: *seed, Kills: *kills, Limit: time.Duration(*seconds) * time.Second, DropUnsynced: *drop, Folder: *out,
		Replay: fmt.Sprintf("bin/picloud live -seed %d -kills %d%s (the same kills; all else differs)", *seed, *kills, flag),
	}
	if *both && *schedule == "" {
		return errors.New("live: -sim plays what -schedule says, and that is missing")
	}
	if *schedule != "" {
		if c.Schedule, err = readSchedule(*schedule); err != nil {
			return err
		}
		c.Replay = fmt.Sprintf("bin/picloud live -schedule %s%s (the same faults; all else differs)", quoted(*schedule), flag)
	}
	if c.Folder == "" {
		c.Folder = filepath.Join("out", fmt.Sprintf("%s-%d", name, *seed))
	}
	if err := c.Validate(); err != nil {
		return err
	}
	result, err := runLive(ctx, c)
	if err != nil {
		return err
	}
	if *both {
		return besides(ctx, c.Folder, *schedule, *seed, result)
	}
	return verdict(result.Verdict)
}

// runLive runs the cloud and shows what it came to.
func runLive(ctx context.Context, c live.Config) (*reports.Result, error) {
	if len(c.Schedule) > 0 {
		fmt.Printf("%d faults are played on three nodes, until %s and a while longer\n", len(c.Schedule), c.Schedule.End())
	} else {
		fmt.Printf("three nodes are killed %d times, which takes a minute or more; seed %d\n", c.Kills, c.Seed)
	}
	result, data, err := live.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	fmt.Print(reports.Summary(result))
	fmt.Printf("\nreport: %s\n", filepath.Join(c.Folder, reports.PageFile))
	if data != "" {
		fmt.Printf("the nodes' data: %s\n", data)
	}
	return result, nil
}

// readSchedule reads a schedule that has faults.
func readSchedule(file string) (chaos.Schedule, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, err := chaos.Parse(file, string(text))
	if err == nil && len(s) == 0 {
		return nil, fmt.Errorf("%s has no fault", file)
	}
	return s, err
}
