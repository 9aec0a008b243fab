package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/runner"
)

// randomSeed returns a seed that nobody chose, short enough to be typed.
func randomSeed() uint64 { return 1 + rand.Uint64N(999_999) }

// runSeed runs one seed of a scenario in a process of its own, without a trace, and returns what
// stands in the folder then.
func runSeed(ctx context.Context, program, scenario string, seed uint64, folder string, core int, more ...string) (*reports.Result, error) {
	args := append([]string{"sim", "-q", "-no-trace", "-seed", strconv.FormatUint(seed, 10),
		"-scenario", scenario, "-out", folder, "-core", strconv.Itoa(core)}, more...)
	cmd := exec.CommandContext(ctx, program, args...)
	if err := runQuietly(ctx, cmd, seed); err != nil {
		return nil, err
	}
	r, _, err := reports.Read(folder)
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return r, nil
}

// runQuietly runs a program of ours that plays a seed, and returns why the run has no verdict, with what the program said.
func runQuietly(ctx context.Context, cmd *exec.Cmd, seed uint64) error {
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := runTied(cmd)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !judged(cmd.ProcessState) {
		return fmt.Errorf("seed %d: %w: %s", seed, err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

// runTied runs a program of ours that is interrupted when its context ends, and when we are killed.
func runTied(cmd *exec.Cmd) error {
	runtime.LockOSThread() // a process is told of the end of the thread that started it
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd.Run()
}

// vacant says why a folder cannot be that of a run, which is cleared: there is something in it, and none of what runs leave, or of the other names.
func vacant(folder string, others ...string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	ours := append(others, scenarios.RunFile, scenarios.ScenarioFile, runner.TraceFile)
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return slices.ContainsFunc(ours, func(name string) bool { return strings.HasPrefix(e.Name(), name) })
	}) {
		return nil
	}
	return fmt.Errorf("in %s there is something else than a run, such as %s, and it would be lost: choose another folder", folder, entries[0].Name())
}

// judged tells whether a run of ours ended with a verdict, whichever.
func judged(p *os.ProcessState) bool {
	code := p.ExitCode() // -1 if a signal ended it, or it did not begin
	return code == int(Pass) || code == int(Fail) || code == int(Inconclusive)
}
