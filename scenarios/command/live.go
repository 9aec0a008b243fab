package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
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
		c.Replay = fmt.Sprintf("bin/picloud live -schedule %s%s (the same faults; all else differs)", *schedule, flag)
	}
	if c.Folder == "" {
		c.Folder = filepath.Join("out", fmt.Sprintf("%s-%d", name, *seed))
	}
	if err := c.Validate(); err != nil {
		return err
	}
	if len(c.Schedule) > 0 {
		fmt.Printf("%d faults are played on three nodes, until %s and a while longer\n", len(c.Schedule), c.Schedule.End())
	} else {
		fmt.Printf("three nodes are killed %d times, which takes a minute or more; seed %d\n", *kills, *seed)
	}
	result, data, err := live.Run(ctx, c)
	if err != nil {
		return err
	}
	fmt.Print(reports.Summary(result))
	fmt.Printf("\nreport: %s\n", filepath.Join(c.Folder, reports.PageFile))
	if data != "" {
		fmt.Printf("the nodes' data: %s\n", data)
	}
	if *both {
		return besides(ctx, c.Folder, *schedule, *seed, result)
	}
	return verdict(result.Verdict)
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

// besides plays a live run's schedule on its scenario in the simulated world, and shows both. The worse of both verdicts is that of
// the command.
func besides(ctx context.Context, folder, schedule string, seed uint64, live *reports.Result) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	simulated := folder + "-sim"
	fmt.Println("\nand now in the simulated world:")
	sim := exec.CommandContext(ctx, program, "sim", "-scenario", filepath.Join(folder, scenarios.ScenarioFile), "-schedule", schedule,
		"-seed", fmt.Sprint(seed), "-out", simulated)
	sim.Stdout, sim.Stderr = os.Stdout, os.Stderr
	if err := sim.Run(); ctx.Err() != nil {
		return ctx.Err()
	} else if _, judged := errors.AsType[*exec.ExitError](err); err != nil && !judged {
		return err
	}
	other, _, err := reports.Read(simulated)
	if err != nil {
		return fmt.Errorf("live: what the simulated run came to: %w", err)
	}
	fmt.Println()
	if err := sideBySide(os.Stdout, live, other); err != nil {
		return err
	}
	fmt.Printf("the runs: %s and %s\n", folder, simulated)
	if live.Verdict == reports.Pass {
		return verdict(other.Verdict)
	}
	return verdict(live.Verdict)
}

// sideBySide shows what a live and a simulated run of one schedule came to.
func sideBySide(w io.Writer, live, sim *reports.Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\tLIVE\t\tSIMULATED\t\nverdict\t%s\t\t%s\t\n", live.Verdict, sim.Verdict)
	a, b := live.Operations, sim.Operations
	fmt.Fprintf(table, "operations that are ok\t%d\tof %d\t%d\tof %d\n", a.OK, a.OK+a.Failed+a.Unknown, b.OK, b.OK+b.Failed+b.Unknown)
	fmt.Fprintf(table, "processes that ended by themselves\t%d\t\t%d\t\n", len(live.Deaths), len(sim.Deaths))
	for _, c := range live.Checks {
		other := reports.Check{Status: "not made"}
		if i := slices.IndexFunc(sim.Checks, func(o reports.Check) bool { return o.Name == c.Name }); i >= 0 {
			other = sim.Checks[i]
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\n", c.Name, c.Status, c.Count, other.Status, other.Count)
	}
	for i := range live.Faults {
		f := &live.Faults[i]
		felt := "not played"
		if i < len(sim.Faults) {
			felt = fmt.Sprintf("felt %d times", sim.Faults[i].Times)
		}
		fmt.Fprintf(table, "%s %s\tfelt %d times\tat %s\t%s\t\n", f.Kind, f.Target, f.Times, f.From, felt)
	}
	return table.Flush()
}
