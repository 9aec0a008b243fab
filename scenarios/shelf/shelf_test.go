package shelf_test

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"picloud/node"
	"picloud/scenarios/shelf"
)

// TestMain is also the program of the tests' nodes: it says what it was started with, and ends when it is told to.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		os.Stdout.WriteString(strings.Join(os.Args[1:], " ") + "\n")
		<-told
		os.Stderr.WriteString("told to end\n")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestANodeRunsUntilItIsToldToEnd(t *testing.T) {
	s := shelf.Shelf{Folder: filepath.Join(t.TempDir(), "new"), Program: os.Args[0]}
	if err := s.Write([]shelf.Machine{machine()}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &stopAtLine{stop: stop}
	var process *os.Process
	err := s.Once(ctx, "pi-1", log, func(p *os.Process) {
		process = p
		if _, err := os.Stat(s.File("pi-1", ".pid")); err != nil {
			t.Error(err)
		}
	})
	if err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	if want := "node -config " + s.File("pi-1", ".yaml") + "\ntold to end\n"; log.text.String() != want {
		t.Errorf("the node said %q, not %q", log.text.String(), want)
	}
	if err := process.Signal(syscall.Signal(0)); err == nil {
		t.Error("the process is still there")
	}
	if _, err := os.Stat(s.File("pi-1", ".pid")); err == nil {
		t.Error("there is a process number, and no process")
	}
}

// stopAtLine stops when something is written.
type stopAtLine struct {
	text bytes.Buffer
	stop func()
}

func (l *stopAtLine) Write(b []byte) (int, error) {
	l.stop()
	return l.text.Write(b)
}

func machine() shelf.Machine {
	return shelf.Machine{
		Name: "pi-1", Machines: map[string]string{"pi-1": "127.1.2.3"}, Data: "pi-1", DropUnsynced: true,
		Node: node.Config{Nodes: []string{"pi-1"}, Store: &node.Store{Groups: [][]string{{"pi-1"}}}},
	}
}

func TestAConfigurationReadsAsItWasWritten(t *testing.T) {
	s := shelf.Shelf{Folder: t.TempDir()}
	if err := s.Write([]shelf.Machine{machine()}); err != nil {
		t.Fatal(err)
	}
	m, err := shelf.ReadMachine(s.File("pi-1", ".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Data != filepath.Join(s.Folder, "pi-1") || !m.DropUnsynced || m.Machines["pi-1"] != "127.1.2.3" {
		t.Errorf("%+v", m)
	}
	for _, bad := range []struct {
		change func(*shelf.Machine)
		want   string
	}{
		{func(m *shelf.Machine) { m.Name = "pi-2" }, `"pi-2" is not among the machines`},
		{func(m *shelf.Machine) { m.Node.Nodes = []string{"pi-1", "pi-3"} }, `"pi-3" is not among the machines`},
		{func(m *shelf.Machine) { m.Machines["pi-1"] = "here" }, `"here" is not an address`},
		{func(m *shelf.Machine) { m.Data = "" }, "needs a folder"},
		{func(m *shelf.Machine) { m.Node.HTTP = "x" }, `"x" is not a port`},
	} {
		m := machine()
		bad.change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v, want %s", err, bad.want)
		}
	}
}

// TestNothingIsWrittenThatANodeWouldNotTake: no file of the others either.
func TestNothingIsWrittenThatANodeWouldNotTake(t *testing.T) {
	good, bad := machine(), machine()
	bad.Name, bad.Machines["pi-2"], bad.Node.HTTP = "pi-2", "127.1.2.4", "7000"
	s := shelf.Shelf{Folder: filepath.Join(t.TempDir(), "new")}
	err := s.Write([]shelf.Machine{good, bad})
	if want := s.File("pi-2", ".yaml") + ": node: store-port: the port 7000 is used twice"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, not %s", err, want)
	}
	if _, err := os.Stat(s.Folder); err == nil {
		t.Error("there is a folder")
	}
}

func TestATakenPortIsNotFree(t *testing.T) {
	addresses := map[string]string{"pi-1": "127.1.2.3"}
	if err := shelf.Free(addresses, "0"); err != nil {
		t.Error(err)
	}
	if err := shelf.Free(addresses, "0", "no port"); err == nil {
		t.Error("what is no port was free")
	}
}

func TestAPlaceHasPortsThatAreFree(t *testing.T) {
	p, err := shelf.FindPlace([]string{"pi-1", "pi-2"}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := shelf.Free(p.Addresses, p.Ports...); err != nil {
		t.Error(err)
	}
	if len(p.Addresses) != 2 || p.Addresses["pi-1"] == p.Addresses["pi-2"] || len(p.Ports) != 3 || p.Ports[0] == p.Ports[1] || p.Ports[1] == p.Ports[2] {
		t.Errorf("%+v", p)
	}
}
