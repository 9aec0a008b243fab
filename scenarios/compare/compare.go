// Package compare measures the store against etcd: three nodes of each as real processes on this machine's
// loopback, their data in folders of the same disk, both with syncs, loaded by the same code (package load)
// through each store's own client.
//
// Runs alternate, and only the two of a pair are compared with each other, because what else the machine does
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

// Config says what is compared, and for how long.
type Config struct {
	Program     string        // picloud, which our nodes run
	Etcd        string        // what Build has built
	Folder      string        // for the servers' data while they run
	Runs        int           // of each store
	Measure     time.Duration // a run
	Connections int
	Loops       int // requests under way at one time
	ValueBytes  int
	ReadPercent int
	Groups      int // of our store
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	switch {
	case c.Program == "" || c.Folder == "":
		return errors.New("compare: a comparison needs a program and a folder")
	case c.Runs < 1 || c.Measure < time.Second:
		return fmt.Errorf("compare: %d runs of %s: measure at least one, of a second", c.Runs, c.Measure)
	case c.Connections < 1 || c.Loops < c.Connections:
		return fmt.Errorf("compare: %d requests under way on %d connections: each has at least one", c.Loops, c.Connections)
	case c.ValueBytes < 1 || c.ValueBytes > 1<<20:
		return fmt.Errorf("compare: values of %d bytes, it must be 1 to %d", c.ValueBytes, 1<<20)
	case c.ReadPercent < 0 || c.ReadPercent > 100:
		return fmt.Errorf("compare: %d percent reads, it must be 0 to 100", c.ReadPercent)
	case c.Groups < 1 || c.Groups > 64:
		return fmt.Errorf("compare: %d groups, it must be 1 to 64", c.Groups)
	}
	return nil
}

// warm is how long a store is loaded before it is measured.
const warm = 3 * time.Second

// nodes are the names of the servers of both stores.
func nodes() []string { return []string{"pi-1", "pi-2", "pi-3"} }

// Run is one store's run.
type Run struct {
	Store string `json:"store"`
	load.Result
}

// Ours and Etcd name the stores.
const (
	Ours = "ours"
	Etcd = "etcd"
)

// Compare runs both stores in turn. It says which run begins, and calls ended with each that has.
func Compare(ctx context.Context, c Config, begins func(n int, store string), ended func(Run)) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return nil, err
	}
	defer os.Remove(c.Folder) // unless something else lies there
	if err := onDisk(c.Folder); err != nil {
		return nil, err
	}
	report := &Report{Machine: thisMachine(), Config: c.describe()}
	for n := range 2 * c.Runs {
		store := []string{Ours, Etcd}[n%2]
		begins(n+1, store)
		result, err := c.run(ctx, store)
		if err != nil {
			return nil, fmt.Errorf("compare: run %d, %s: %w", n+1, store, err)
		}
		r := Run{store, *result}
		report.Runs = append(report.Runs, r)
		ended(r)
	}
	report.compare()
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

// run runs one store once, with new folders.
func (c *Config) run(ctx context.Context, store string) (_ *load.Result, err error) {
	folder, err := os.MkdirTemp(c.Folder, store+"-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	p, err := shelf.FindPlace(nodes(), 2)
	if err != nil {
		return nil, err
	}
	var cloud contestant = &etcd{c.Etcd, folder, p}
	if store == Ours {
		if cloud, err = newOurs(c, folder, p); err != nil {
			return nil, err
		}
	}
	var s servers
	defer s.stop()
	if err := s.start(ctx, folder, cloud); err != nil {
		return nil, err
	}
	result, err := drive(s.ctx, cloud.drives(), load.Config{
		Addresses: p.Addresses, Port: p.Ports[0], Processes: s.pids, Connections: c.Connections, Loops: c.Loops,
		ValueBytes: c.ValueBytes, ReadPercent: c.ReadPercent, Warm: warm, Measure: c.Measure,
	})
	if s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx)
	}
	return result, err
}

// contestant is a store that can be run.
type contestant interface {
	// serve runs a server until the context ends.
	serve(ctx context.Context, name string, log io.Writer, started func(*os.Process)) error
	// drives is the command that loads the store.
	drives() []string
}

// servers are the processes of a store.
type servers struct {
	ctx  context.Context // ends when one of them has
	end  context.CancelCauseFunc
	all  sync.WaitGroup
	pids []int
}

// start starts the servers of a store.
func (s *servers) start(ctx context.Context, folder string, cloud contestant) error {
	s.ctx, s.end = context.WithCancelCause(ctx)
	started := make(chan int)
	for _, name := range nodes() {
		path := filepath.Join(folder, name+".log")
		log, err := os.Create(path)
		if err != nil {
			return err
		}
		s.all.Go(func() {
			defer log.Close()
			err := cloud.serve(s.ctx, name, log, func(p *os.Process) { started <- p.Pid })
			if s.ctx.Err() == nil {
				s.end(fmt.Errorf("%s ended (%v); the end of its log: %s", name, err, lastOf(path)))
			}
		})
	}
	for range nodes() {
		select {
		case pid := <-started:
			s.pids = append(s.pids, pid)
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

// drive runs the program that loads a store.
func drive(ctx context.Context, command []string, c load.Config) (*load.Result, error) {
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
