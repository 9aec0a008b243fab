package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"picloud/reports"
	"picloud/scenarios"
)

// besides plays a live run's schedule on its scenario in the simulated world, and shows both. The worse of both verdicts is that of
// the command.
func besides(ctx context.Context, folder, schedule string, seed uint64, live *reports.Result) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	simulated := folder + "-sim"
	err = vacant(simulated)
	if err == nil {
		err = os.RemoveAll(simulated) // what an earlier run left is none of this one's
	}
	if err != nil {
		return fmt.Errorf("live: make room for the simulated run: %w", err)
	}
	fmt.Println("\nand now in the simulated world:")
	sim := exec.CommandContext(ctx, program, "sim", "-scenario", filepath.Join(folder, scenarios.ScenarioFile), "-schedule", schedule,
		"-seed", fmt.Sprint(seed), "-out", simulated)
	sim.Stdout, sim.Stderr = os.Stdout, os.Stderr
	if err := runTied(sim); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil && !judged(sim.ProcessState) {
		return fmt.Errorf("live: the simulated run: %w", err)
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
	return verdict(worse(live.Verdict, other.Verdict))
}

// worse returns the worse of two verdicts.
func worse(a, b reports.Status) reports.Status {
	for _, v := range []reports.Status{reports.Fail, reports.Inconclusive} {
		if a == v || b == v {
			return v
		}
	}
	return reports.Pass
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
