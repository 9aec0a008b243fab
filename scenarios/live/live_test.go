package live_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/command"
	"picloud/scenarios/live"
)

// TestMain is also the program of the nodes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := command.Node(ctx, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// begin returns the configuration of a short run, whose nodes' data lies in a folder of the test.
func begin(t *testing.T) (live.Config, string) {
	if testing.Short() {
		t.Skip("real processes need real time")
	}
	data := t.TempDir()
	t.Setenv("TMPDIR", data)
	return live.Config{
		Program: os.Args[0], Seed: 1, Kills: 6, Limit: 2 * time.Minute, DropUnsynced: true,
		Folder: filepath.Join(t.TempDir(), "out"), Replay: "go test",
	}, data
}

// processes returns the command lines of processes that mention a text.
func processes(t *testing.T, text string) (found []string) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && strings.Contains(string(line), text) {
			found = append(found, string(line))
		}
	}
	return found
}

// TestAShortRunIsJudged says nothing of a run that was too slow to be judged.
func TestAShortRunIsJudged(t *testing.T) {
	c, data := begin(t)
	result, kept, err := live.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(reports.Summary(result))
	if result.Verdict == reports.Fail {
		t.Errorf("the run failed: %s", result.Cause())
	}
	if left, err := os.ReadDir(data); err != nil || (len(left) > 0) != (kept != "") {
		t.Errorf("the nodes' data: %v, %v; kept %q", left, err, kept)
	}
	if left := processes(t, data); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	again, err := scenarios.JudgeFolder(c.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if again.Verdict != result.Verdict || len(again.Faults) != len(result.Faults) || again.Operations != result.Operations {
		t.Errorf("judged again it is %s with %d faults and %v", again.Verdict, len(again.Faults), again.Operations)
	}
}

func schedule(t *testing.T, text string) chaos.Schedule {
	t.Helper()
	s, err := chaos.Parse("schedule", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAScheduleIsPlayedAndJudged says nothing of a run that was too slow to be judged.
func TestAScheduleIsPlayedAndJudged(t *testing.T) {
	c, data := begin(t)
	c.Schedule = schedule(t, `
		0s  +1s kill machine=pi-1
		6s  +1s partition-one machine=pi-2
		10s +1s pause machine=pi-3
		13s +3s disk-full machine=pi-3
		18s +0s reset link=client-1>*`)
	result, _, err := live.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(reports.Summary(result))
	if result.Verdict == reports.Fail {
		t.Errorf("the run failed: %s", result.Cause())
	}
	if left := processes(t, data); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	again, err := scenarios.JudgeFolder(c.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Faults) != 5 || again.Faults[0].Kind != "kill" || result.Verdict == reports.Pass && again.Faults[0].Times != 1 || again.Verdict != result.Verdict {
		t.Errorf("judged again it is %s with the faults %+v", again.Verdict, again.Faults)
	}
	if text, err := os.ReadFile(filepath.Join(c.Folder, scenarios.JournalFile)); err != nil || strings.Count(string(text), `"what":"felt"`) != 5 {
		t.Errorf("the journal is %s, %v", text, err)
	}
}

func TestTheScheduleThatIsAnExampleCanBePlayed(t *testing.T) {
	text, err := os.ReadFile("schedule.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := live.Config{Program: "p", Folder: "f", Limit: 1, Schedule: schedule(t, string(text))}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	c, data := begin(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() {
		for ctx.Err() == nil && len(processes(t, data)) < 3 {
			time.Sleep(10 * time.Millisecond)
		}
		interrupt()
	}()
	if _, _, err := live.Run(ctx, c); err == nil {
		t.Error("the interrupted run was judged")
	}
	if left := processes(t, data); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	for _, folder := range []string{data, c.Folder} {
		if left, err := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("files are left: %v, %v", left, err)
		}
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	good := live.Config{Program: "p", Kills: 3, Limit: 1, Folder: "f"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, spoil := range []func(*live.Config){
		func(c *live.Config) { c.Program = "" },
		func(c *live.Config) { c.Folder = "" },
		func(c *live.Config) { c.Kills = 2 },
		func(c *live.Config) { c.Limit = 0 },
		func(c *live.Config) { c.Schedule = schedule(t, "1s +1s power-cut machine=pi-1") },
		func(c *live.Config) { c.Schedule = schedule(t, "1s +1s kill machine=client-1") },
		func(c *live.Config) { c.Schedule = schedule(t, "1s +1s power-cut machine=pi-1") },
		func(c *live.Config) { c.Schedule = schedule(t, "1s +1s kill machine=pi-1"); c.Limit = 0 },
	} {
		c := good
		spoil(&c)
		if _, _, err := live.Run(t.Context(), c); err == nil {
			t.Errorf("%+v was run", c)
		}
	}
}

// TestAShortScheduleIsPlayed, and one that cannot be is refused by the name of what cannot.
func TestAShortScheduleIsPlayed(t *testing.T) {
	for text, want := range map[string]string{"1s +1s kill machine=pi-1": "", "1s +1s power-cut machine=pi-1": "power-cut cannot be played"} {
		c := live.Config{Program: "p", Folder: "f", Limit: 1, Schedule: schedule(t, text)}
		if err := c.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
