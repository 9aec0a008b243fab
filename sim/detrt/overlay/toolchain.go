package overlay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Toolchain is the pinned toolchain, ready to build with the overlay.
type Toolchain struct {
	Go    string   // the go command
	Env   []string // the environment for it
	Flags []string // flags for its build, run and test commands
}

// EnvAdded is how many variables at the end of Toolchain.Env are the toolchain's own.
const EnvAdded = 4

// Prepare finds the pinned toolchain, which the go command downloads where it has to, and writes
// the overlay for it below dir. The race detector's build needs a C compiler.
func Prepare(ctx context.Context, dir string, race bool) (*Toolchain, error) {
	return prepare(ctx, dir, race, hunks)
}

func prepare(ctx context.Context, dir string, race bool, hunks []hunk) (*Toolchain, error) {
	base := append(os.Environ(), "GOTOOLCHAIN="+Version)
	vars, err := goEnv(ctx, "go", base, "GOVERSION", "GOROOT", "GOMODCACHE", "GOOS", "GOARCH")
	if err != nil {
		return nil, fmt.Errorf("overlay: cannot reach the toolchain %s that go.mod pins: %w", Version, err)
	}
	version, root, cache, arch := vars[0], vars[1], vars[2], vars[4]
	if version != Version {
		return nil, fmt.Errorf("overlay: wrong toolchain: have %s, need %s", version, Version)
	}
	if vars[3] != "linux" {
		return nil, fmt.Errorf("overlay: simulated machines are Linux processes; this is %s", vars[3])
	}
	if root, err = outside(root, cache, dir); err != nil {
		return nil, err
	}
	files, err := edit(root, arch, "picloud/sim/detrt", hunks)
	if err != nil {
		return nil, err
	}
	list, err := write(root, files, dir)
	if err != nil {
		return nil, err
	}
	cgo := "CGO_ENABLED=0"
	flags := []string{"-overlay=" + list, "-tags=" + Tag, "-trimpath"}
	if race {
		cgo = "CGO_ENABLED=1"
		flags = append(flags, "-race")
	}
	return &Toolchain{
		Go:    filepath.Join(root, "bin", "go"),
		Env:   append(os.Environ(), "GOROOT="+root, "GOTOOLCHAIN=local", "GOEXPERIMENT="+Experiment, cgo),
		Flags: flags,
	}, nil
}

// Root returns the toolchain's folder.
func (t *Toolchain) Root() string { return filepath.Dir(filepath.Dir(t.Go)) }

// outside returns a path to a toolchain that does not lie in the module cache, whose files the
// go command does not let an overlay replace: a downloaded one is reached through a link.
func outside(root, cache, dir string) (string, error) {
	if rel, err := filepath.Rel(cache, root); err != nil || strings.HasPrefix(rel, "..") {
		return root, nil
	}
	link, err := filepath.Abs(filepath.Join(dir, "toolchain-"+Version))
	if err != nil {
		return "", err
	}
	if now, err := os.Readlink(link); err == nil && now == root {
		return link, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("overlay: %w", err)
	}
	if err := os.Symlink(root, link); err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	return link, nil
}

// Command returns a run of the go command with the overlay: verb is build, run, test or vet.
func (t *Toolchain) Command(ctx context.Context, verb string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.Go, append(append([]string{verb}, t.Flags...), args...)...)
	cmd.Env = t.Env
	return cmd
}

func goEnv(ctx context.Context, command string, env []string, names ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, command, append([]string{"env"}, names...)...)
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != len(names) {
		return nil, fmt.Errorf("go env printed %d lines instead of %d", len(lines), len(names))
	}
	return lines, nil
}
