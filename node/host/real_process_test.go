package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// journal is a log in memory.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func shell(t *testing.T, script string, env map[string]string) (Process, *journal) {
	t.Helper()
	j := &journal{}
	p, err := (&realProcesses{slog.New(slog.NewTextHandler(j, nil))}).Start(Program{Path: "/bin/sh", Args: []string{"-c", script}, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return p, j
}

func TestAProgramsEndIsSeenAndItsLinesAreKept(t *testing.T) {
	p, log := shell(t, `echo "hello $WHO"; echo oops >&2; printf 'no newline'; exit 5`, map[string]string{"WHO": "world"})
	if status, err := p.Wait(t.Context()); status != 5 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	for _, line := range []string{`line="hello world"`, "line=oops", `line="no newline"`} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log lacks %s:\n%s", line, log)
		}
	}
}

// TestWhatAProgramLeavesBehindDoesNotHideItsEnd, and ends with it unless it has a group of its own.
func TestWhatAProgramLeavesBehindDoesNotHideItsEnd(t *testing.T) {
	for _, c := range []struct {
		start string
		stays bool
	}{{"", false}, {"setsid ", true}} {
		there := filepath.Join(t.TempDir(), "there")
		p, log := shell(t, `mkfifo $THERE; `+c.start+`sh -c 'echo left=$$; echo >$THERE; exec sleep 1000' & read it <$THERE; exit 5`, map[string]string{"THERE": there})
		if status, err := p.Wait(t.Context()); status != 5 || err != nil {
			t.Errorf("%q status %d, %v", c.start, status, err)
		}
		_, left, _ := strings.Cut(log.String(), "left=")
		left, _, _ = strings.Cut(left, `"`)
		pid, err := strconv.Atoi(strings.TrimSpace(left))
		if err != nil {
			t.Fatalf("%s: %v", log, err)
		}
		if c.stays {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			continue
		}
		for alive(pid) {
			time.Sleep(time.Millisecond)
		}
	}
}

// alive tells whether there is a process that has not ended.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(b), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

func TestALongLineIsCutAndTheNextOneIsNot(t *testing.T) {
	p, log := shell(t, `head -c 100000 /dev/zero | tr '\0' x; echo; echo next`, nil)
	if _, err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "x"); n < longestLine || n > longestLine+100 {
		t.Errorf("of 100000 bytes %d are kept", n)
	}
	if !strings.Contains(log.String(), "line=next") {
		t.Error("the next line is lost")
	}
}

func TestAProgramIsAskedToEndBeforeItIsMadeTo(t *testing.T) {
	for _, c := range []struct {
		script string
		grace  time.Duration
		want   int
	}{
		{`trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done`, time.Minute, 7},
		{`trap '' TERM; echo ready; while :; do sleep 0.01; done`, 50 * time.Millisecond, -1},
	} {
		p, log := shell(t, c.script, nil)
		for !strings.Contains(log.String(), "ready") {
			time.Sleep(time.Millisecond)
		}
		if err := p.End(c.grace); err != nil {
			t.Error(err)
		}
		if status, err := p.Wait(t.Context()); status != c.want || err != nil {
			t.Errorf("%s: status %d, %v", c.script, status, err)
		}
		if err := p.End(0); err != nil {
			t.Errorf("to end it again: %v", err)
		}
	}
}

func TestWaitingHasAnEnd(t *testing.T) {
	p, _ := shell(t, "sleep 1000", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := p.End(0); err != nil {
		t.Error(err)
	}
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	_, err := (&realProcesses{slog.New(slog.DiscardHandler)}).Start(Program{Path: "/nowhere/program"})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(fmt.Sprint(err), "/nowhere/program") {
		t.Error(err)
	}
}
