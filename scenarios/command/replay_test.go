package command

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"picloud/chaos"
	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios"
)

// TestTheCommandThatRepeatsAReplayPlaysWhatItPlayed: the run's own command does not, if its schedule was edited or its processes were real
// ones. It leaves the run alone, as the replay did.
func TestTheCommandThatRepeatsAReplayPlaysWhatItPlayed(t *testing.T) {
	const own = "make sim SEED=7 SCENARIO=quiet"
	const live = "bin/picloud live -seed 7 -kills 50 (the same kills; all else differs)"
	const plain = " sim -seed 7 -scenario out/quiet-7/scenario.yaml -schedule out/quiet-7/schedule.txt -out out/quiet-7/replay"
	for _, c := range []struct {
		name               string
		planted            mutant.Name
		folder, trace, own string
		edited             bool
		want               string
	}{
		{"as it was", "", "out/quiet-7", "abc", own, false, own},
		{"edited", "", "out/quiet-7/", "abc", own, true, "bin/picloud" + plain},
		{"edited, of a build with a bug", mutant.StaleRead, "out/quiet-7", "abc", own, true, ".cache/mutants/stale-read" + plain},
		{"live", "", "out/quiet-7", "live-abc", live, false, "bin/picloud" + plain},
		{"live and edited", "", "out/quiet-7", "live-abc", live, true, "bin/picloud" + plain},
		{"edited, in a folder whose name has a space", "", "my runs/7", "abc", own, true,
			"bin/picloud sim -seed 7 -scenario 'my runs/7/scenario.yaml' -schedule 'my runs/7/schedule.txt' -out 'my runs/7/replay'"},
	} {
		run := &scenarios.Run{Seed: 7, TraceHash: c.trace, Replay: c.own}
		if got := again(c.planted, c.folder, run, c.edited); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestAReplayIsComparedWithWhatCanBeCompared: a live run has no trace.
func TestAReplayIsComparedWithWhatCanBeCompared(t *testing.T) {
	for _, c := range []struct{ was, is, want string }{
		{"abc", "abc", "the same happened: the traces are equal"},
		{"abc", "abd", "something else happened: the trace was abc…, now it is abd…"},
		{reports.LiveHash([]byte{0xab}), "abc", "the run was a live one, and left no trace: "},
	} {
		if got := compared(&scenarios.Run{TraceHash: c.was}, c.is); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s and %s: %s", c.was, c.is, got)
		}
	}
}

// TestAShellTakesANameAsItIs, also one that is made to be taken apart.
func TestAShellTakesANameAsItIs(t *testing.T) {
	for _, name := range []string{"out/quiet-7/schedule.txt", "my faults.txt", "it's mine", "$HOME", "~", "a;b", "*", `a\b"c`, "größe", "a\nb"} {
		said, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted(name)).Output()
		if err != nil || string(said) != name {
			t.Errorf("%q is %s for a shell, which takes it for %q (%v)", name, quoted(name), said, err)
		}
	}
	if name := "out/quiet-7/schedule.txt"; quoted(name) != name {
		t.Errorf("%s is quoted", name)
	}
}

// TestWhatIsNoRunIsRefusedBeforeAnythingIsWritten: one sentence says which file it is that is not whole.
func TestWhatIsNoRunIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	for _, c := range []struct {
		name       string
		command    func(context.Context, []string) error
		file, text string
		says       string
	}{
		{"judge without the end of the log", Judge, scenarios.LogFile, "1.000s pi-1#1 {", "log.jsonl is not the one that this run left"},
		{"judge of another scenario", Judge, scenarios.ScenarioFile, "name: quiet\n", "scenario.yaml is not the one that this run left"},
		{"replay without the end of the scenario", Replay, scenarios.ScenarioFile, "name: lone-store\n", "scenario.yaml is not the one that this run left"},
		{"replay of nothing", Replay, scenarios.RunFile, "{}", "run.json names no scenario"},
		{"report of nothing", Report, reports.ResultFile, "{}", "result.json names no scenario"},
	} {
		s, err := scenarios.Load("lone-store")
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := s.Save(folder, scenarios.Run{Seed: 1, TraceHash: "abc", Schedule: chaos.Schedule{}}); err != nil {
			t.Fatal(err)
		}
		if _, err := scenarios.JudgeFolder(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, c.file), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := digest(t, folder)
		err = c.command(t.Context(), []string{folder})
		if _, found := errors.AsType[Verdict](err); err == nil || found || !strings.HasPrefix(err.Error(), filepath.Join(folder, c.says)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
		if digest(t, folder) != before {
			t.Errorf("%s: something was written", c.name)
		}
	}
}

// digest returns what stands in the files of a folder.
func digest(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(e.Name() + "\n" + string(text))
	}
	return all.String()
}
