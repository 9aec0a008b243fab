package command

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"picloud/reports"
)

// randomSeed returns a seed that nobody chose, short enough to be typed.
func randomSeed() uint64 { return 1 + rand.Uint64N(999_999) }

// runSeed runs one seed of a scenario in a process of its own, without a trace, and returns what
// stands in the folder then.
func runSeed(ctx context.Context, program, scenario string, seed uint64, folder string, core int, more ...string) (*reports.Result, error) {
	args := append([]string{"sim", "-q", "-no-trace", "-seed", strconv.FormatUint(seed, 10),
		"-scenario", scenario, "-out", folder, "-core", strconv.Itoa(core)}, more...)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if !judged(cmd.ProcessState) {
		return nil, fmt.Errorf("seed %d: %w: %s", seed, err, strings.TrimSpace(string(output)))
	}
	r, _, err := reports.Read(folder)
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return r, nil
}

// judged tells whether a run of ours ended with a verdict, whichever.
func judged(p *os.ProcessState) bool {
	code := p.ExitCode() // -1 if a signal ended it, or it did not begin
	return code == int(Pass) || code == int(Fail) || code == int(Inconclusive)
}
