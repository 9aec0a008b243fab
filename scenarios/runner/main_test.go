package runner_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"picloud/scenarios/command"
	"picloud/sim/detrt"
)

// TestMain makes the test binary a picloud that can run a scenario, so that each run is a process
// of its own: it starts itself as `sim`, and that starts itself as the programs of the machines.
func TestMain(m *testing.M) {
	ctx := context.Background()
	switch {
	case detrt.On():
		exit(command.Program(ctx, os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == "sim":
		exit(command.Sim(ctx, os.Args[2:]))
	}
	flag.Parse()
	os.Exit(m.Run())
}

func exit(err error) {
	var v command.Verdict
	switch {
	case err == nil:
		os.Exit(int(command.Pass))
	case errors.As(err, &v):
		os.Exit(int(v))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(int(command.BadInput))
}
