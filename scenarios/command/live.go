package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"picloud/reports"
	"picloud/scenarios/live"
)

// Live runs a cloud of real processes and kills them.
func Live(ctx context.Context, args []string) error {
	f := flags("live", `live [-kills N] [-seconds N] [-seed N] [-drop-unsynced] [-out FOLDER]

Runs a cloud of three nodes as real processes on this machine, loads it, kills nodes with kill -9 at
random moments, now and then all at once, and judges what clients saw as sim does. Ends with the same
statuses: 0 for pass, 1 for fail, 2 for bad input and 3 for inconclusive. The seed decides when which
node is killed; all else is this machine's.

Examples:
  picloud live
  picloud live -seed 7 -drop-unsynced`)
	seed := f.Uint64("seed", 1, "decides when which node is killed")
	kills := f.Int("kills", 50, "processes to kill")
	seconds := f.Int("seconds", 900, "after which nobody is killed any more: the run is inconclusive then")
	drop := f.Bool("drop-unsynced", false, "a kill takes away what was not synced, as a power cut does")
	out := f.String("out", "", "the folder for what the run leaves (default out/live-SEED or out/live-synced-SEED)")
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
	if c.Folder == "" {
		c.Folder = filepath.Join("out", fmt.Sprintf("%s-%d", name, *seed))
	}
	if err := c.Validate(); err != nil {
		return err
	}
	fmt.Printf("three nodes are killed %d times, which takes a minute or more; seed %d\n", *kills, *seed)
	result, data, err := live.Run(ctx, c)
	if err != nil {
		return err
	}
	fmt.Print(reports.Summary(result))
	fmt.Printf("\nreport: %s\n", filepath.Join(c.Folder, reports.PageFile))
	if data != "" {
		fmt.Printf("the nodes' data: %s\n", data)
	}
	return verdict(result.Verdict)
}
