package command_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/command/uptest"
)

// chaosRun is a run of the monkey in a process of its own.
type chaosRun struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *bufio.Scanner
	errs bytes.Buffer
	said []string
}

// chaosOn begins to play a schedule on a cloud.
func chaosOn(t *testing.T, c *uptest.Cloud, schedule string, flags ...string) *chaosRun {
	t.Helper()
	file := filepath.Join(t.TempDir(), "schedule.txt")
	if err := os.WriteFile(file, []byte(schedule), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"chaos", "run", "-dir", c.Folder}, flags...)
	r := &chaosRun{t: t, cmd: exec.Command(os.Args[0], append(args, file)...)}
	r.cmd.Stderr = &r.errs
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.out = bufio.NewScanner(out)
	runtime.LockOSThread() // for as long as the test runs: if it is ended, so is the monkey
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// hears waits until the run says something, and says whether it did before it ended.
func (r *chaosRun) hears(text string) bool {
	for r.out.Scan() {
		r.said = append(r.said, r.out.Text())
		if strings.Contains(r.out.Text(), text) {
			return true
		}
	}
	return false
}

// ends waits until the run ends, and returns its exit status, -1 if it was killed, and what it said.
func (r *chaosRun) ends() (int, string) {
	r.hears("nothing that is said")
	_ = r.cmd.Wait() // the status says it
	return r.cmd.ProcessState.ExitCode(), strings.Join(r.said, "\n") + r.errs.String()
}

// wellAgain waits until the cloud is in its steady state: a schedule of no faults is played then.
func wellAgain(t *testing.T, c *uptest.Cloud) {
	t.Helper()
	for {
		status, said := chaosOn(t, c, "").ends()
		if status == 0 {
			return
		}
		if t.Context().Err() != nil || !strings.Contains(said, "not in its steady state") {
			t.Fatalf("status %d: %s", status, said)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// state returns the state of a node's process as Linux names it: T if it was stopped.
func state(c *uptest.Cloud, node string) string {
	text, err := os.ReadFile(filepath.Join("/proc", c.File(node+".pid"), "stat"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:1]
}

// felt returns how often faults of each kind were felt, as the journal has it.
func felt(t *testing.T, c *uptest.Cloud) map[string]int64 {
	t.Helper()
	times := map[string]int64{}
	for line := range strings.Lines(c.File("chaos.jsonl")) {
		var entry struct {
			What  string
			Fault reports.Fault
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if entry.What == "felt" {
			times[entry.Fault.Kind] += entry.Fault.Times
		}
	}
	return times
}

// never is a rule for giving up that no slow machine meets.
const never = "100%/1000h"

// TestTheMonkeyBreaksAndHeals on a cloud of real processes.
func TestTheMonkeyBreaksAndHeals(t *testing.T) {
	if testing.Short() {
		t.Skip("a cloud of real processes takes its time")
	}
	c := uptest.New(t, "-database", "-chaos")
	c.Up()
	wellAgain(t, c)

	t.Run("a schedule is played", func(t *testing.T) {
		status, said := chaosOn(t, c, `
			0.1s +2s kill machine=pi-2
			8s   +1s pause machine=pi-3
			12s  +2s partition-one machine=pi-1
			18s  +3s disk-full machine=pi-1`, "-abort", never).ends()
		if status != 0 && status != 3 { // on a slow machine one may not be felt
			t.Fatalf("status %d: %s", status, said)
		}
		wellAgain(t, c)
		f := felt(t, c)
		if t.Log(f); len(f) != 4 || f["kill"] > 1 || status == 0 && f["kill"] != 1 {
			t.Errorf("felt is %v: %s", f, said)
		}
	})

	t.Run("what cannot be played is refused by name", func(t *testing.T) {
		for schedule, want := range map[string]string{
			"1s +0s clock-step machine=pi-1\n":                      "clock-step cannot be played",
			"1s +1s kill machine=pi-4\n":                            `unknown machine "pi-4"`,
			"1s +1s kill machine=pi-1\n1s +1s pause machine=pi-2\n": "pi-1 and pi-2 would be out",
		} {
			if status, said := chaosOn(t, c, schedule).ends(); status != 2 || !strings.Contains(said, want) {
				t.Errorf("status %d: %s", status, said)
			}
		}
		if status, said := chaosOn(t, c, "1s +1s kill machine=pi-1\n", "-dry-run").ends(); status != 0 || !strings.Contains(said, "nothing was done") {
			t.Errorf("status %d: %s", status, said)
		}
	})

	const long = "0.1s +90000s pause machine=pi-3\n0.2s +90000s disk-full machine=pi-2\n"
	breaks := func(t *testing.T, flags ...string) *chaosRun {
		r := chaosOn(t, c, long, append([]string{"-radius", "2"}, flags...)...)
		if !r.hears("disk-full") {
			t.Fatal(r.ends())
		}
		for state(c, "pi-3") != "T" {
			time.Sleep(time.Millisecond)
		}
		return r
	}

	t.Run("all heals when the monkey is killed", func(t *testing.T) {
		r := breaks(t, "-abort", never)
		if status, said := chaosOn(t, c, "").ends(); status != 2 || !strings.Contains(said, "another one plays") {
			t.Errorf("a second one has status %d: %s", status, said)
		}
		if err := r.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if status, _ := r.ends(); status != -1 {
			t.Errorf("status %d", status)
		}
		wellAgain(t, c)
	})

	t.Run("all heals when the monkey is interrupted", func(t *testing.T) {
		r := breaks(t, "-abort", never)
		if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if status, said := r.ends(); !strings.Contains(said, "interrupted") {
			t.Errorf("status %d: %s", status, said)
		}
		wellAgain(t, c)
	})

	t.Run("a run is given up", func(t *testing.T) {
		r := breaks(t, "-abort", "10%/1s")
		if status, said := r.ends(); status != 1 || !strings.Contains(said, "given up, and healed") {
			t.Errorf("status %d: %s", status, said)
		}
		wellAgain(t, c)
	})
}

// TestNothingBreaksACloudThatWasNotStartedForIt: there is nobody who takes orders.
func TestNothingBreaksACloudThatWasNotStartedForIt(t *testing.T) {
	if testing.Short() {
		t.Skip("a cloud of real processes takes its time")
	}
	c := uptest.New(t, "-database")
	c.Up()
	if status, said := chaosOn(t, c, "1s +1s kill machine=pi-1\n").ends(); status != 2 || !strings.Contains(said, "up -chaos") {
		t.Errorf("status %d: %s", status, said)
	}
	sockets, err := filepath.Glob(filepath.Join(c.Folder, "*.chaos"))
	if err != nil || len(sockets) > 0 {
		t.Errorf("there are %q, %v", sockets, err)
	}
	if answer, err := http.Get("http://127.0.0.1:" + c.Ports["http"] + "/orders"); err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("%v, %v", answer, err)
	}
}
