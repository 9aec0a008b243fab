// Command picloud is a whole cloud for a shelf of Raspberry Pis, and the simulator that proves it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"picloud/scenarios/command"
	"picloud/sim/detrt"
)

// exitInterrupted is the exit status after Ctrl-C, as shells have it.
const exitInterrupted = 130

// entry is one of the commands of picloud.
type entry struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string) error
}

func commands() []entry {
	return []entry{
		{"up", "run a cloud of three nodes on this machine", command.Up},
		{"node", "run a node of a cloud on this machine", command.Node},
		{"hw", "say what a node sees of the board that this machine is", command.Hw},
		{"alerts", "say which alerts stand in a cloud that runs", command.Alerts},
		{"health", "say what a node does about its hardware", command.Health},
		{"proof", "say which processors of a cloud compute wrongly", command.Proof},
		{"chaos", "play a schedule of faults on a cloud that up runs", command.Chaos},
		{"live", "kill the nodes of a cloud on this machine, and judge it", command.Live},
		{"sim", "run a scenario in the simulated world and judge it", command.Sim},
		{"scenarios", "list the scenarios, or say what stands in one", command.Scenarios},
		{"sweep", "run a scenario with many seeds on all cores", command.Sweep},
		{"soak", "draw clouds and play them, for as long as is asked", command.Soak},
		{"replay", "play a run again from its files", command.Replay},
		{"shrink", "cut a failing run down to what it needs in order to fail", command.Shrink},
		{"cause", "say what mattered in a failing run, and when it was certain", command.Cause},
		{"judge", "judge a run again from its files", command.Judge},
		{"report", "write the reports of a run anew, or compare two runs", command.Report},
		{"determinism", "run seeds twice and compare what they left", command.Determinism},
		{"trial", "compare scenarios with a defence of the cloud and without it", command.Trial},
		{"defences", "show that each scenario fails without the defence that it is about", command.Defences},
		{"mutants", "plant bugs in our own code, and find each", command.Mutants},
		{"bench", "measure the tiers against what people would use instead", command.Bench},
		{"abuse-score", "measure how well spam is told from what people write", command.AbuseScore},
		{"size", "measure the program's size and an idle node's memory", command.Size},
		{"bench-sim", "measure what the simulated world costs", command.BenchSim},
		{"museum", "show that known bugs are found, and their mended twins are not", command.Museum},
		{"build", "build picloud, or another program, with the deterministic runtime", command.Build},
		{"test", "run go test with the deterministic runtime", command.Test},
		{"program", "how the simulator starts what runs on its machines", command.Program},
	}
}

func main() {
	ctx := context.Background()
	if !detrt.On() { // a simulated machine has no signals
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // the second signal ends it at once
	}
	os.Exit(dispatch(ctx, os.Args[1:]))
}

func dispatch(ctx context.Context, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage()
		if len(args) == 0 {
			return int(command.BadInput)
		}
		return int(command.Pass)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return status(ctx, c.run(ctx, args[1:]))
		}
	}
	fmt.Fprintf(os.Stderr, "picloud: unknown command %q; picloud help lists them\n", args[0])
	return int(command.BadInput)
}

func usage() {
	fmt.Print("picloud: a cloud for a shelf of Raspberry Pis, and the simulator that proves it\n\n")
	for _, c := range commands() {
		fmt.Printf("  picloud %-12s %s\n", c.name, c.summary)
	}
	fmt.Print("\npicloud COMMAND -h explains a command, with examples.\n")
}

// status returns the exit status for what a command returned, and prints what a person should
// read.
func status(ctx context.Context, err error) int {
	var v command.Verdict
	switch {
	case err == nil, errors.Is(err, command.ErrHelp):
		return int(command.Pass)
	case errors.As(err, &v):
		return int(v)
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "picloud: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(os.Stderr, "picloud: %v\n", err)
	return int(command.BadInput)
}
