// Package uptest runs `picloud up` in tests: the test's own program is up, and so are the nodes that up starts.
//
// Invariants: a cloud ends with the test that has started it, however that ends; nothing but its folder is left.
package uptest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"picloud/scenarios/command"
	"picloud/scenarios/shelf"
)

// Main is for TestMain of packages that run clouds.
func Main(m *testing.M) {
	run := map[string]func(context.Context, []string) error{"up": command.Up, "node": command.Node, "chaos": command.Chaos}
	if len(os.Args) < 2 || run[os.Args[1]] == nil {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run[os.Args[1]](ctx, os.Args[2:])
	if status, is := errors.AsType[command.Verdict](err); is {
		os.Exit(int(status))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(int(command.BadInput))
	}
}

// nodes is how many nodes a cloud has.
const nodes = 3

// Cloud is a cloud of three nodes that can be run again and again.
type Cloud struct {
	Folder string
	Ports  map[string]string // by the names of the flags of up

	t     *testing.T
	flags []string

	cmd  *exec.Cmd
	read sync.WaitGroup
	mu   sync.Mutex
	said bytes.Buffer
}

// New returns a cloud that does not run yet, with more flags of up.
func New(t *testing.T, flags ...string) *Cloud {
	t.Helper()
	c := &Cloud{Folder: t.TempDir(), Ports: map[string]string{}, t: t, flags: append([]string{"up"}, flags...)}
	c.flags = append(c.flags, "-dir", c.Folder)
	names := []string{"web", "tls", "http", "redis", "store", "pinboard", "cache", "queue", "abuse", "mail"}
	free := freePorts(t, len(names))
	for i, name := range names {
		c.Ports[name] = free[i]
		c.flags = append(c.flags, "-"+name, free[i])
	}
	return c
}

// freePorts finds ports that are free on all nodes, below those that connections go out from: these might take the port of
// a node that is down.
func freePorts(t *testing.T, count int) []string {
	t.Helper()
	addresses := map[string]string{}
	for i := range nodes {
		addresses[strconv.Itoa(i)] = fmt.Sprint("127.0.0.", i+1)
	}
	for range 100 {
		var ports []string
		from := 10_000 + rand.IntN(20_000)
		for i := range count {
			ports = append(ports, strconv.Itoa(from+i))
		}
		if shelf.Free(addresses, ports...) == nil {
			return ports
		}
	}
	t.Fatal("no ports are free")
	return nil
}

// Up runs the cloud, until Down or the test's end, and returns when it says that it is up.
func (c *Cloud) Up() {
	c.t.Helper()
	cmd := exec.Command(os.Args[0], c.flags...)
	cmd.Stderr = c
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	runtime.LockOSThread() // for as long as the test runs: if it is ended, so is the cloud
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.cmd = cmd
	c.t.Cleanup(c.Down)
	up := make(chan bool)
	c.read.Go(func() {
		said := bufio.NewScanner(out)
		for said.Scan() {
			fmt.Fprintln(c, said.Text())
			if up != nil && strings.HasPrefix(said.Text(), "the cloud is up") {
				up <- true
				close(up)
				up = nil
			}
		}
		if up != nil {
			close(up)
		}
	})
	if !<-up {
		c.t.Fatalf("the cloud is not up: %s", c.Said())
	}
}

// Write is for what up says.
func (c *Cloud) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.Write(text)
}

// Said returns what up has said so far, in all of its runs.
func (c *Cloud) Said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.String()
}

// Down ends the cloud as Ctrl-C does, and sees that all of it ran until then and none of it does then.
func (c *Cloud) Down() {
	if c.cmd == nil {
		return
	}
	c.t.Helper()
	if running := c.running(); len(running) != nodes {
		c.t.Errorf("the nodes that run are %q", running)
	}
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Error(err)
	}
	c.read.Wait()
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("up ended with %v: %s", err, c.Said())
	}
	if left := c.running(); len(left) > 0 {
		c.t.Errorf("up has ended, and these have not: %q", left)
	}
	c.cmd = nil
}

func (c *Cloud) running() []string {
	files, _ := filepath.Glob(filepath.Join(c.Folder, "pi-*.pid"))
	return files
}

// File returns what stands in a file of the cloud's folder.
func (c *Cloud) File(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Folder, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
