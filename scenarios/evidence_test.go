package scenarios

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

func TestASavedRunIsJudgedAgainToTheSameBytes(t *testing.T) {
	s, r := perfectRun(t, 1)
	r.Deaths = []reports.Death{{Machine: "pi-2", At: 12_500_000_000, Reason: "panic: no reason", Stack: "main.go:1\nmain.go:2"}}
	r.Checks = []reports.Check{{Name: "confined", Status: reports.Fail, Count: 1, Detail: "pi-2 asked for what there is not"}}
	direct := s.Judge(r)
	folder := t.TempDir()
	if err := s.Save(folder, r); err != nil {
		t.Fatal(err)
	}
	judged, err := JudgeFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := direct.Encode()
	second, _ := judged.Encode()
	if string(first) != string(second) {
		t.Errorf("first\n%s\nthen\n%s", first, second)
	}
	if file, err := os.ReadFile(filepath.Join(folder, reports.ResultFile)); err != nil || string(file) != string(first) {
		t.Errorf("the file says (%v)\n%s", err, file)
	}
}

// TestWhatIsKnownIsReportedBeforeTheChecks, as one of them may never end.
func TestWhatIsKnownIsReportedBeforeTheChecks(t *testing.T) {
	s, r := perfectRun(t, 1)
	folder := t.TempDir()
	if err := s.reportEarly(folder, r); err != nil {
		t.Fatal(err)
	}
	early, _, err := reports.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	judged := s.Judge(r)
	if early.Verdict != reports.Inconclusive || len(early.Checks) != 1 || len(early.Faults) != len(judged.Faults) || early.Operations != judged.Operations {
		t.Errorf("%+v", early)
	}
}

func TestEvidenceThatDoesNotFitIsRefused(t *testing.T) {
	s, r := perfectRun(t, 1)
	folder := t.TempDir()
	if err := s.Save(folder, r); err != nil {
		t.Fatal(err)
	}
	later := slices.Clone(r.Schedule)
	later[0].For += time.Second
	for _, c := range []struct{ text, want string }{
		{"", "schedule.txt has 0"},
		{later.String(), "run.json knows another schedule.txt"},
	} {
		if err := os.WriteFile(filepath.Join(folder, ScheduleFile), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := JudgeFolder(folder); !errors.Is(err, ErrScheduleEdited) || !strings.Contains(err.Error(), c.want) {
			t.Error(err)
		}
	}
}

// filesIn returns the texts of the files of a folder by their names.
func filesIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		texts[e.Name()] = string(text)
	}
	return texts
}

// spoilt changes a file of a folder, or takes it away if nothing is left of it.
func spoilt(t *testing.T, folder, name string, change func(text string) string) {
	t.Helper()
	path := filepath.Join(folder, name)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if text := change(string(old)); text == "" {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What becomes of a file: half of it, nothing, another one, or itself with something in the place of what a pattern finds.
func half(text string) string                 { return text[:len(text)/2] }
func gone(string) string                      { return "" }
func another(text string) func(string) string { return func(string) string { return text } }
func with(pattern, other string) func(string) string {
	return func(text string) string { return regexp.MustCompile(pattern).ReplaceAllString(text, other) }
}

// TestAFolderThatARunDidNotLeaveIsNotJudged: it is half there, or of another run, and its reports stay as they are.
func TestAFolderThatARunDidNotLeaveIsNotJudged(t *testing.T) {
	quiet, err := Load("quiet")
	if err != nil {
		t.Fatal(err)
	}
	s, r := perfectRun(t, 1)
	boards := reports.Boards{{Machine: "pi-1", MilliCelsius: []int64{50_000}, Megahertz: []int64{1500}, Events: []reports.BoardEvent{{At: 1e9, Kind: "started"}}}}
	for _, c := range []struct {
		name   string
		boards reports.Boards
		file   string
		change func(string) string
		says   string
	}{
		{"half of the scenario", nil, ScenarioFile, half, "scenario.yaml is not the one that this run left"},
		{"another scenario", nil, ScenarioFile, another(string(quiet.Text())), "scenario.yaml is not the one that this run left"},
		{"no scenario", nil, ScenarioFile, gone, "scenario.yaml: no such file or directory"},
		{"half of the history", nil, history.FileName, half, "history.jsonl is not the one that this run left"},
		{"half of the log", nil, LogFile, half, "log.jsonl is not the one that this run left"},
		{"no log", nil, LogFile, gone, "log.jsonl: no such file or directory"},
		{"half of the boards", boards, reports.BoardsFile, half, "boards.json is not the one that this run left"},
		{"no boards", boards, reports.BoardsFile, gone, "boards.json: no such file or directory"},
		{"boards of another run", nil, reports.BoardsFile, another("[]\n"), "boards.json is not the one that this run left"},
		{"nothing of the run", nil, RunFile, another("{}"), "run.json names no scenario"},
		{"half of the run", nil, RunFile, half, "run.json: unexpected EOF"},
		{"no trace", nil, RunFile, with(`"trace_hash": "0",`, ""), "run.json has no hash of a trace"},
		{"no sums", nil, RunFile, with(`(?s),\s+"files": {.*?}`, ""), "run.json has no sums of the files that the run left"},
		{"another name", nil, RunFile, with(`"first-cloud"`, `"quiet"`), "run.json is of a run of quiet, and scenario.yaml is first-cloud"},
	} {
		r.Boards = c.boards
		folder := t.TempDir()
		if err := s.Save(folder, r); err != nil {
			t.Fatal(err)
		}
		if _, err := JudgeFolder(folder); err != nil {
			t.Fatalf("%s: before: %v", c.name, err)
		}
		spoilt(t, folder, c.file, c.change)
		before := filesIn(t, folder)
		judged, err := JudgeFolder(folder)
		if want := filepath.Join(folder, c.says); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: it is judged %s (%v), want %q", c.name, judged.Verdict, err, want)
		}
		if !maps.Equal(before, filesIn(t, folder)) {
			t.Errorf("%s: something was written", c.name)
		}
	}
}

// TestAnEditedScheduleExcusesNothingElse: it may be played again, with all else as the run left it.
func TestAnEditedScheduleExcusesNothingElse(t *testing.T) {
	s, r := perfectRun(t, 1)
	folder := t.TempDir()
	if err := s.Save(folder, r); err != nil {
		t.Fatal(err)
	}
	spoilt(t, folder, ScheduleFile, another(r.Schedule[:1].String()))
	_, run, err := LoadRun(folder)
	if !errors.Is(err, ErrScheduleEdited) || run.Seed != 1 || len(run.Schedule) != 1 {
		t.Errorf("the edited run has the seed %d and %d faults (%v)", run.Seed, len(run.Schedule), err)
	}
	spoilt(t, folder, LogFile, half)
	if _, _, err := LoadRun(folder); err == nil || errors.Is(err, ErrScheduleEdited) {
		t.Errorf("with half of the log: %v", err)
	}
}
