package overlay

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/sim/kernel"
)

// probe is a built testdata/probe.
type probe struct {
	path string
	arch string
}

// buildProbe builds the probe for an architecture with some of the edits. The build cache is the
// usual one unless a folder is given.
func buildProbe(ctx context.Context, dir, arch, cache string, hunks []hunk) (probe, error) {
	tools, err := prepare(ctx, dir, false, hunks)
	if err != nil {
		return probe{}, err
	}
	if arch != "" {
		files, err := edit(tools.Root(), arch, "picloud/sim/detrt", hunks)
		if err != nil {
			return probe{}, err
		}
		list, err := write(tools.Root(), files, dir)
		if err != nil {
			return probe{}, err
		}
		tools.Flags[0] = "-overlay=" + list
		tools.Env = append(tools.Env, "GOARCH="+arch)
	}
	if cache != "" {
		tools.Env = append(tools.Env, "GOCACHE="+cache)
	}
	p := probe{path: filepath.Join(dir, "probe"), arch: arch}
	if out, err := tools.Command(ctx, "build", "-o", p.path, "./testdata/probe").CombinedOutput(); err != nil {
		return p, fmt.Errorf("the probe does not build: %w\n%s", err, out)
	}
	return p, nil
}

// run is what came of one run of the probe on a simulated machine.
type run struct {
	out   string
	death kernel.Death // of the probe; zero if it still lives
	err   error        // of the run
	busy  time.Duration
	turns int64
	trace string

	threads int // of the probe, if it still lives
}

// setting is how a run of the probe differs from the usual.
type setting struct {
	seed     uint64
	env      map[string]string
	prepare  func(m *kernel.Machine)
	settle   time.Duration // turns and busy time are counted from here on
	explores bool          // the seed picks the next goroutine
	preempts int64         // mean allocations between preemptions
}

// do runs a story of the probe for a minute of virtual time.
func (p probe) do(s setting, args ...string) run {
	limit := 30 * time.Second // of CPU time: more than the slowest machine needs
	if *without != "" && p.arch == "" {
		limit = time.Second // a story may hang without its edit
	}
	k, err := kernel.New(kernel.Config{
		Seed:       s.seed,
		Core:       -1,
		HangLimit:  limit,
		Unconfined: p.arch != "", // the emulator makes system calls of its own, and has no filters
	})
	if err != nil {
		return run{err: err}
	}
	defer k.Close()
	m, err := k.AddMachine(kernel.MachineConfig{Name: "pi-7"})
	if err != nil {
		return run{err: err}
	}
	m.SetScheduler(s.explores, s.preempts)
	if s.prepare != nil {
		s.prepare(m)
	}
	prog := kernel.Program{Path: p.path, Args: args, Env: s.env}
	if p.arch != "" {
		prog.Path, prog.Args = "/usr/bin/qemu-aarch64-static", append([]string{p.path}, args...)
	}
	process, err := m.Start(prog)
	if err != nil {
		return run{err: err}
	}
	var r run
	if s.settle > 0 {
		r.err = k.Run(context.Background(), k.Now().Add(s.settle))
	}
	busy, turns := m.CPU.BusyNs(), m.Turns()
	if r.err == nil {
		r.err = k.Run(context.Background(), k.Now().Add(time.Minute))
	}
	r.busy, r.turns, r.trace = time.Duration(m.CPU.BusyNs()-busy), m.Turns()-turns, k.Trace.Hash()
	if d := k.Deaths(); len(d) > 0 {
		r.death, r.out = d[0], strings.TrimSpace(d[0].Stack)
		if d[0].Status != 0 && r.err == nil && d[0].Stack != "" {
			r.err = fmt.Errorf("died: %s\n%s", d[0].Reason, d[0].Stack)
		}
	} else {
		r.out = strings.TrimSpace(process.Output())
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", process.OSPid()))
		r.threads = len(tasks)
	}
	return r
}

// prints checks that a story of the probe prints that text.
func (p probe) prints(s setting, want string, args ...string) error {
	r := p.do(s, args...)
	if r.err != nil {
		return r.err
	}
	if r.out != want {
		return fmt.Errorf("%s printed %q, want %q", strings.Join(args, " "), r.out, want)
	}
	return nil
}

// orders counts the different texts that a story prints under so many seeds.
func (p probe) orders(s setting, seeds int, args ...string) (map[string]int, error) {
	seen := map[string]int{}
	for s.seed = 1; s.seed <= uint64(seeds); s.seed++ {
		r := p.do(s, args...)
		if r.err != nil {
			return nil, r.err
		}
		seen[r.out]++
	}
	return seen, nil
}

// on runs f on an operating system thread of its own, as a kernel leaves its thread changed.
func on(f func() error) error {
	done := make(chan error)
	go func() { done <- f() }()
	return <-done
}

func needQemu(t testing.TB) {
	t.Helper()
	if !*slow && *without == "" {
		t.Skip("takes minutes under an emulator; -slow runs it")
	}
	if _, err := os.Stat("/usr/bin/qemu-aarch64-static"); err != nil {
		t.Skip("needs qemu-user-static")
	}
}
