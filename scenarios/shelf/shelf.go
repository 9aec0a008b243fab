// Package shelf runs the nodes of a cloud as real processes on this machine: each is `picloud node` with an
// address of the loopback and a folder of its own.
//
// Invariants: a process that was started here ends with the one that started it, however that ends; it does
// not hear Ctrl-C, so that who started it decides when and how it ends.
package shelf

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"picloud/node"
	"picloud/reports"
)

// stopGrace is how long processes have to stop before they are ended: longer than the roles of a node take, of which lambda lets
// runs end for some seconds, and then the store.
const stopGrace = 20 * time.Second

// Shelf is the nodes with their folder.
type Shelf struct {
	Folder  string // for configurations, data and what else belongs to a node
	Program string // picloud
	Chaos   bool   // the nodes can be broken: each takes orders at its socket
}

// Socket returns where orders to break a node are taken.
func (s *Shelf) Socket(name string) string { return s.File(name, ".chaos") }

// File returns the path of a node's file with an ending.
func (s *Shelf) File(name, ending string) string { return filepath.Join(s.Folder, name+ending) }

// Write makes the folder and writes the configurations; it writes none if a node would not take one of them. The nodes' data lies in the
// folder too.
func (s *Shelf) Write(machines []Machine) error {
	var texts [][]byte
	for i := range machines {
		text, err := yaml.Marshal(&machines[i])
		if err != nil {
			return err
		}
		if err := node.Parse(s.File(machines[i].Name, ".yaml"), text, &Machine{}); err != nil {
			return err
		}
		texts = append(texts, text)
	}
	if err := os.MkdirAll(s.Folder, 0o755); err != nil {
		return err
	}
	for i := range machines {
		if err := reports.WriteSecret(s.File(machines[i].Name, ".yaml"), texts[i]); err != nil {
			return err
		}
	}
	return nil
}

// Once runs a node until it ends, or the context does: then it is asked to stop, and ended after a while. What
// it says on standard output and error goes to the log. The function started, which may be nil, is given the
// process when it runs. The error is that of exec.Cmd.Wait: nil if the node ended with status 0.
func (s *Shelf) Once(ctx context.Context, name string, log io.Writer, started func(*os.Process)) error {
	args := []string{"node", "-config", s.File(name, ".yaml")}
	if s.Chaos {
		args = append(args, "-chaos", s.Socket(name))
	}
	cmd := exec.CommandContext(ctx, s.Program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	pid := s.File(name, ".pid")
	defer os.Remove(pid)
	return Run(cmd, func(p *os.Process) error {
		if err := os.WriteFile(pid, []byte(strconv.Itoa(p.Pid)+"\n"), 0o644); err != nil {
			return err
		}
		if started != nil {
			started(p)
		}
		return nil
	})
}

// Run runs a command that was made with a context until it ends, or the context does, as Once runs a node. An
// error of the function started ends the process.
func Run(cmd *exec.Cmd, started func(*os.Process) error) error {
	runtime.LockOSThread() // a process is ended when the thread that started it is
	defer runtime.UnlockOSThread()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // Ctrl-C is for us
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := started(cmd.Process); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd.Wait()
}

// Free says which of the ports is taken on which of the addresses, nil if none is.
func Free(addresses map[string]string, ports ...string) error {
	for _, address := range addresses {
		for _, port := range ports {
			l, err := net.Listen("tcp", net.JoinHostPort(address, port))
			if err != nil {
				return err
			}
			l.Close()
		}
	}
	return nil
}
