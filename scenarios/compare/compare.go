// Package compare measures parts of the cloud against what people would use in their place: servers of each as real processes on
// this machine's loopback, their data in folders of the same disk, loaded by the same code (package load) through each one's own
// client.
//
// Runs alternate, and only those of a round are compared with each other, because what else the machine does
// changes from minute to minute.
//
// Invariants: when a comparison has ended, its processes have ended and their data is gone.
package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"picloud/scenarios/compare/load"
	"picloud/scenarios/shelf"
)

// Contest is a comparison.
type Contest struct {
	Name        string
	Folder      string        // for the servers' data while they run
	Runs        int           // of each contestant
	Measure     time.Duration // a run
	Durable     bool          // the folder must be on a disk
	About       map[string]string
	Contestants []Contestant // ours is the first
}

// Contestant is one of those that are compared.
type Contestant struct {
	Name string
	// Begin prepares a run, with its data in a new folder.
	Begin func(folder string) (*Entry, error)
}

// Entry is a contestant's run.
type Entry struct {
	Servers []Server
	// Load returns the command that loads the servers, and what it reads as JSON on standard input.
	Load func(load.Span) (command []string, config any)
}

// Server is a process.
type Server struct {
	Name  string
	Aside bool // it is there for the others, and what it uses does not count
	// Serve runs it until the context ends.
	Serve func(ctx context.Context, log io.Writer, started func(*os.Process)) error
}

// warm is how long servers are loaded before they are measured.
const warm = 3 * time.Second

// Ours names what is compared with others.
const Ours = "ours"

// Run is one contestant's run.
type Run struct {
	Of string `json:"of"`
	load.Result
}

// Hold lets all contestants run in turn. It says which run begins, and calls ended with each that has.
func (c *Contest) Hold(ctx context.Context, begins func(n, of int, name string), ended func(Run)) (*Report, error) {
	if c.Runs < 1 || c.Measure < time.Second {
		return nil, fmt.Errorf("compare: %d runs of %s: measure at least one, of a second", c.Runs, c.Measure)
	}
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return nil, err
	}
	defer os.Remove(c.Folder) // unless something else lies there
	if c.Durable {
		if err := onDisk(c.Folder); err != nil {
			return nil, err
		}
	}
	report := &Report{Name: c.Name, Machine: thisMachine(), About: c.About}
	for n := range c.Runs * len(c.Contestants) {
		one := &c.Contestants[n%len(c.Contestants)]
		begins(n+1, c.Runs*len(c.Contestants), one.Name)
		result, err := c.run(ctx, one)
		if err != nil {
			return nil, fmt.Errorf("compare: run %d, %s: %w", n+1, one.Name, err)
		}
		r := Run{one.Name, *result}
		report.Runs = append(report.Runs, r)
		ended(r)
	}
	report.compare(len(c.Contestants))
	return report, nil
}

// onDisk refuses folders that lie in memory, where a sync costs nothing.
func onDisk(folder string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return fmt.Errorf("compare: look at the disk of %s: %w", folder, err)
	}
	if s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC {
		return fmt.Errorf("compare: %s lies in memory, where syncs mean nothing: give a folder on a disk", folder)
	}
	return nil
}

// run runs a contestant once, with a new folder.
func (c *Contest) run(ctx context.Context, one *Contestant) (_ *load.Result, err error) {
	base, err := filepath.Abs(c.Folder)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(base, one.Name+"-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	entry, err := one.Begin(folder)
	if err != nil {
		return nil, err
	}
	var s servers
	defer s.stop()
	if err := s.start(ctx, folder, entry.Servers); err != nil {
		return nil, err
	}
	command, config := entry.Load(load.Span{Processes: s.pids, Warm: warm, Measure: c.Measure})
	result, err := drive(s.ctx, command, config)
	if s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx)
	}
	return result, err
}

// servers are the processes of a contestant.
type servers struct {
	ctx  context.Context // ends when one of them has
	end  context.CancelCauseFunc
	all  sync.WaitGroup
	pids []int
}

// start starts servers.
func (s *servers) start(ctx context.Context, folder string, list []Server) error {
	s.ctx, s.end = context.WithCancelCause(ctx)
	started := make(chan int) // process numbers; 0 for those that do not count
	for _, server := range list {
		path := filepath.Join(folder, server.Name+".log")
		log, err := os.Create(path)
		if err != nil {
			return err
		}
		s.all.Go(func() {
			defer log.Close()
			err := server.Serve(s.ctx, log, func(p *os.Process) {
				if server.Aside {
					started <- 0
				} else {
					started <- p.Pid
				}
			})
			if s.ctx.Err() == nil {
				s.end(fmt.Errorf("%s ended (%v); the end of its log: %s", server.Name, err, lastOf(path)))
			}
		})
	}
	for range list {
		select {
		case pid := <-started:
			if pid > 0 {
				s.pids = append(s.pids, pid)
			}
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
	return nil
}

// stop stops the servers.
func (s *servers) stop() {
	s.end(nil)
	s.all.Wait()
}

// lastOf returns the end of a log.
func lastOf(path string) string {
	const most = 2000
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-most):]))
}

// drive runs the program that loads servers.
func drive(ctx context.Context, command []string, c any) (*load.Result, error) {
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(config), &out, &complaint
	if err := shelf.Run(cmd, func(*os.Process) error { return nil }); err != nil {
		return nil, fmt.Errorf("load it: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	r := &load.Result{}
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		return nil, fmt.Errorf("load it: read the result: %w", err)
	}
	return r, nil
}

// serve runs a program as a server.
func serve(command ...string) func(context.Context, io.Writer, func(*os.Process)) error {
	return func(ctx context.Context, log io.Writer, started func(*os.Process)) error {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Stdout, cmd.Stderr = log, log
		return shelf.Run(cmd, func(p *os.Process) error {
			started(p)
			return nil
		})
	}
}
