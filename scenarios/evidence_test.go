package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/reports"
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
