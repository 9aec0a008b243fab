package command

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/runner"
)

// Determinism runs seeds twice and compares everything that the runs left.
func Determinism(ctx context.Context, args []string) error {
	f := flags("determinism", `determinism [-seeds LIST] [-scenario NAME]

Runs each seed twice and compares the traces and all other files byte for byte, but for real times.
The second run has the other core busy and a different environment, GOMAXPROCS and GOGC, and
another folder if the machines run no programs of your own.
Where two runs part, prints the first line of the traces that differs.

Example:
  picloud determinism -seeds 1-20`)
	seeds := f.String("seeds", "1-20", seedsUsage)
	name := f.String("scenario", DefaultScenario, "the scenario")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	list, err := seedList(*seeds)
	if err != nil {
		return err
	}
	s, err := scenarios.Load(*name)
	if err != nil {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	hashes := map[string]uint64{}
	for _, seed := range list {
		hash, err := twice(ctx, *name, seed, ownPrograms(s))
		if err != nil {
			return err
		}
		if other, seen := hashes[hash]; seen {
			fmt.Printf("seeds %d and %d have the same trace\n", other, seed)
			return Fail
		}
		hashes[hash] = seed
		fmt.Printf("seed %-4d twice the same, trace %.16s…\n", seed, hash)
	}
	fmt.Printf("%d seeds run twice: each pair is equal, no two seeds are\n", len(list))
	return nil
}

// ownPrograms tells whether a scenario's machines run files that are found from where it is played.
func ownPrograms(s *scenarios.Scenario) bool {
	return slices.ContainsFunc(s.Topology.Machines, func(m scenarios.Machine) bool { return runner.IsPath(m.Program) })
}

// twice runs a seed two times under different circumstances, here both if it has to be, and returns the hash of its trace.
func twice(ctx context.Context, scenario string, seed uint64, here bool) (string, error) {
	base, err := os.MkdirTemp("", "picloud-determinism-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(base)
	a, b := filepath.Join(base, "a"), filepath.Join(base, "another folder", "b")
	if err := os.MkdirAll(filepath.Dir(b), 0o755); err != nil {
		return "", err
	}
	plain := append(os.Environ(), "GOGC=100")
	if err := child(ctx, plain, "", scenario, seed, a, 0); err != nil {
		return "", err
	}
	stop := busy()
	odd := append(os.Environ(), "GOGC=37", "GOMAXPROCS=1", "GOTRACEBACK=crash", "LANG=tlh", "PICLOUD_NOISE="+strings.Repeat("noise ", 500))
	elsewhere := filepath.Dir(b)
	if here {
		elsewhere = ""
	}
	err = child(ctx, odd, elsewhere, scenario, seed, b, 1)
	stop()
	if err != nil {
		return "", err
	}
	if diff, err := firstDifference(a, b); err != nil || diff != "" {
		if err == nil {
			fmt.Printf("seed %d differs between two runs\n%s", seed, diff)
			err = Fail
		}
		return "", err
	}
	r, _, err := reports.Read(a)
	if err != nil {
		return "", err
	}
	return r.TraceHash, nil
}

// busy keeps the processors busy until it is told to stop.
func busy() (stop func()) {
	done := make(chan struct{})
	for range runtime.NumCPU() - 1 {
		go func() {
			for n := 0; ; n++ {
				if n&0xfffff == 0 {
					select {
					case <-done:
						return
					default:
					}
				}
			}
		}()
	}
	return func() { close(done) }
}

// child runs a seed in a process of its own.
func child(ctx context.Context, env []string, dir, scenario string, seed uint64, out string, core int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if scenario, err = absolute(scenario); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "sim", "-q", "-seed", strconv.FormatUint(seed, 10), "-scenario", scenario, "-out", out, "-core", strconv.Itoa(core))
	cmd.Env, cmd.Dir = env, dir
	return runQuietly(ctx, cmd, seed)
}

// absolute makes a scenario's file findable from another folder; names stay names.
func absolute(scenario string) (string, error) {
	if !strings.HasSuffix(scenario, ".yaml") {
		return scenario, nil
	}
	return filepath.Abs(scenario)
}

// firstDifference compares the files of two runs, the trace first, and says where they part. What was measured in real time may differ.
func firstDifference(a, b string) (string, error) {
	if diff, err := compareTraces(a, b); err != nil || diff != "" {
		return diff, err
	}
	names := map[string]int{}
	for _, folder := range []string{a, b} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			names[e.Name()]++
		}
	}
	delete(names, reports.TimingFile)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] < 2 {
			return fmt.Sprintf("%s: only one of the runs left it although the traces are equal\n", name), nil
		}
		x, err := os.ReadFile(filepath.Join(a, name))
		if err != nil {
			return "", err
		}
		y, err := os.ReadFile(filepath.Join(b, name))
		if err != nil {
			return "", err
		}
		if !bytes.Equal(x, y) {
			return fmt.Sprintf("%s: the files differ although the traces are equal\n", name), nil
		}
	}
	return "", nil
}

func compareTraces(a, b string) (string, error) {
	x, err := runner.ReadTrace(a)
	if err != nil {
		return "", err
	}
	defer x.Close()
	y, err := runner.ReadTrace(b)
	if err != nil {
		return "", err
	}
	defer y.Close()
	linesX, linesY := bufio.NewScanner(x), bufio.NewScanner(y)
	linesX.Buffer(nil, 1<<20)
	linesY.Buffer(nil, 1<<20)
	for n := 1; ; n++ {
		moreX, moreY := linesX.Scan(), linesY.Scan()
		switch {
		case !moreX && !moreY:
			return "", nil
		case moreX != moreY || !bytes.Equal(linesX.Bytes(), linesY.Bytes()):
			return fmt.Sprintf("%s:%d:\n  first:  %s\n  second: %s\n", runner.TraceFile, n, linesX.Text(), linesY.Text()), nil
		}
	}
}
