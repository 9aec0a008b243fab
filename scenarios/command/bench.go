package command

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"picloud/reports"
	"picloud/scenarios/bench"
)

// BenchSim measures what the simulated world costs.
func BenchSim(ctx context.Context, args []string) error {
	f := flags("bench-sim", `bench-sim [-out FOLDER] [-seconds N] [-profile FILE]

Measures worlds of 3, 12, 25 and 50 machines, idle and with 200 requests a second through HTTP, raft
and disk: simulated seconds for each second of real time, CPU time for each request and memory.
Writes FOLDER/bench-sim.json.

Example:
  picloud bench-sim -seconds 30`)
	out := f.String("out", "out", "the folder for bench-sim.json")
	seconds := f.Int("seconds", 20, "simulated seconds that are measured of each world")
	profile := f.String("profile", "", "a file for a CPU profile of the kernel")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *seconds < 1 {
		return fmt.Errorf("bench-sim: measure at least a second, not %d", *seconds)
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var rows []bench.Row
	fmt.Println("machines  load/s  sim s per s  µs per request  µs per turn  kernel's share   MB")
	err = bench.Measure(ctx, self, time.Duration(*seconds)*time.Second, func(r bench.Row) {
		rows = append(rows, r)
		fmt.Printf("%8d %7d %12.1f %15.0f %12.1f %14.0f%% %5.0f\n", r.Machines, r.Load, r.SimPerWall, r.UsPerReq, r.UsPerTurn, 100*r.KernelShare, r.RSSMB)
	})
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return reports.WriteFile(filepath.Join(*out, "bench-sim.json"), append(b, '\n'))
}
