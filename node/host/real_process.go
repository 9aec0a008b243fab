package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// realProcesses starts processes of the operating system.
type realProcesses struct{ log *slog.Logger }

// realProcess is one of them.
type realProcess struct {
	os    *os.Process
	ended chan struct{} // closed when status and err stand
	state *os.ProcessState
	err   error
}

// longestLine is how much of a line that a program prints is kept.
const longestLine = 16 << 10

// outputDelay is how long the output of a program that has ended may be held by what it has started.
const outputDelay = time.Second

// Start starts a process in a group of its own, which gets the signal to end with this one. What is left of the group when the process
// has ended is killed: it would be in the way of the next start.
func (r *realProcesses) Start(p Program) (Process, error) {
	c := exec.Command(p.Path, p.Args...)
	c.Env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		c.Env = append(c.Env, name+"="+p.Env[name])
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, in := io.Pipe()
	c.Stdout, c.Stderr, c.WaitDelay = in, in, outputDelay
	run := &realProcess{ended: make(chan struct{})}
	started := make(chan error, 1)
	var read sync.WaitGroup
	read.Go(func() { r.print(p.Path, out) })
	go func() {
		runtime.LockOSThread() // Linux takes the end of the thread that started a child for its parent's end
		defer runtime.UnlockOSThread()
		err := c.Start()
		run.os = c.Process
		started <- err
		if err == nil {
			if run.err = c.Wait(); errors.Is(run.err, exec.ErrWaitDelay) {
				run.err = nil
			}
			run.err = errors.Join(run.err, run.signal(syscall.SIGKILL))
		}
		_ = in.Close()
		read.Wait()
		run.state = c.ProcessState
		close(run.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("host: start %s: %w", p.Path, err)
	}
	return run, nil
}

// print passes on what a program prints, line by line.
func (r *realProcesses) print(program string, from io.Reader) {
	lines := bufio.NewReaderSize(from, longestLine)
	for {
		line, rest, err := lines.ReadLine()
		if err != nil {
			return
		}
		r.log.Info("a program says", "program", program, "line", string(line))
		for rest && err == nil {
			_, rest, err = lines.ReadLine()
		}
	}
}

// Wait waits for the process's end.
func (p *realProcess) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.ended:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if exit := (*exec.ExitError)(nil); p.err != nil && !errors.As(p.err, &exit) {
		return 0, fmt.Errorf("host: wait for process %d: %w", p.os.Pid, p.err)
	}
	return p.state.ExitCode(), nil
}

// End sends SIGTERM to the process's group, and SIGKILL after grace.
func (p *realProcess) End(grace time.Duration) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.ended:
	case <-t.C:
	}
	return p.signal(syscall.SIGKILL) // what it has started too
}

func (p *realProcess) signal(s syscall.Signal) error {
	err := syscall.Kill(-p.os.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return nil // all have ended
	}
	if err != nil {
		return fmt.Errorf("host: end process %d: %w", p.os.Pid, err)
	}
	return nil
}
