package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"picloud/sim/detrt"
	"picloud/sim/detrt/overlay"
)

// Where a checkout keeps what it builds.
const (
	binFolder   = "bin"
	cacheFolder = ".cache/overlay"
	simBinary   = "picloud-sim"
	raceBinary  = "picloud-sim-race"
)

// Build builds a program with the deterministic runtime.
func Build(ctx context.Context, args []string) error {
	f := flags("build", `build [-o FILE] [-race] [PACKAGE]

Builds picloud, or another Go program, with the deterministic runtime, so that it can run on a
simulated machine. Outside one it behaves as an ordinary build.

Examples:
  picloud build
  picloud build -o bin/notebook ./scenarios/example`)
	out := f.String("o", filepath.Join(binFolder, simBinary), "the file to write")
	race := f.Bool("race", false, "with the race detector; needs a C compiler")
	flagsOnly := f.Bool("flags", false, "print the go command's environment and flags instead of building")
	pkg, err := parseOptional(f, args)
	if err != nil {
		return err
	}
	if *flagsOnly {
		return printFlags(ctx, *race)
	}
	return build(ctx, *out, cmp.Or(pkg, "."), *race)
}

// Test runs the go command's tests with the deterministic runtime.
func Test(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		fmt.Println("usage: picloud test [FLAGS] PACKAGES\n\nRuns go test with the deterministic runtime, so that tests can start simulated machines.\n\n" +
			"Example:\n  picloud test -run Determinism ./sim/kernel")
		return ErrHelp
	}
	root, err := checkout()
	if err != nil {
		return err
	}
	tools, err := overlay.Prepare(ctx, filepath.Join(root, cacheFolder), false)
	if err != nil {
		return err
	}
	cmd := tools.Command(ctx, "test", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return Fail
	}
	return err
}

// printFlags prints what a shell needs to run the go command with the overlay.
func printFlags(ctx context.Context, race bool) error {
	root, err := checkout()
	if err != nil {
		return err
	}
	tools, err := overlay.Prepare(ctx, filepath.Join(root, cacheFolder), race)
	if err != nil {
		return err
	}
	env := tools.Env[len(tools.Env)-overlay.EnvAdded:]
	fmt.Println("env", strings.Join(env, " "), tools.Go, "VERB", strings.Join(tools.Flags, " "))
	return nil
}

// build builds a package with the deterministic runtime. More build tags than that needs stand
// behind, separated by commas.
func build(ctx context.Context, out, pkg string, race bool, tags ...string) error {
	root, err := checkout()
	if err != nil {
		return err
	}
	tools, err := overlay.Prepare(ctx, filepath.Join(root, cacheFolder), race)
	if err != nil {
		return err
	}
	if race {
		if _, err := exec.LookPath("gcc"); err != nil {
			if _, err := exec.LookPath("cc"); err != nil {
				return errors.New("the race detector needs a C compiler, and neither gcc nor cc is on the path")
			}
		}
	}
	tag := "-tags=" + strings.Join(append([]string{overlay.Tag}, tags...), ",")
	cmd := tools.Command(ctx, "build", tag, "-o", out, pkg)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the build with the deterministic runtime failed: %w", err)
	}
	return nil
}

// checkout returns the folder of this project's checkout that the command was started in.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module picloud\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("this build of picloud lacks the deterministic runtime, and can make one that has it only inside a checkout of the project")
		}
		dir = up
	}
}

// handOver makes sure that what follows runs in a build with the deterministic runtime: it returns
// in such a build, and else finds or makes one and becomes it.
func handOver(ctx context.Context, race bool) error {
	if detrt.Built && !race {
		return nil
	}
	path, err := simBuild(ctx, race)
	if err != nil {
		return err
	}
	return fmt.Errorf("cannot start %s: %w", path, syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ()))
}

// simBuild returns the path of a build with the deterministic runtime: one that stands beside this
// program outside a checkout, and inside it one that is up to date.
func simBuild(ctx context.Context, race bool) (string, error) {
	name := simBinary
	if race {
		name = raceBinary
	}
	root, err := checkout()
	if err != nil {
		self, e := os.Executable()
		if e != nil {
			return "", e
		}
		beside := filepath.Join(filepath.Dir(self), name)
		if _, e := os.Stat(beside); e == nil {
			return beside, nil
		}
		return "", err
	}
	path := filepath.Join(root, binFolder, name)
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintln(os.Stderr, "building picloud with the deterministic runtime; the first time takes about a minute")
	}
	return path, build(ctx, path, root, race)
}
