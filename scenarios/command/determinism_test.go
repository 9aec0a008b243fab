package command

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/history"
	"picloud/scenarios/runner"
)

// left makes a folder as a run leaves it, but for some files that have another text, or are not there if that is empty.
func left(t *testing.T, but map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	texts := map[string]string{}
	for _, name := range []string{history.FileName, scenarios.ScheduleFile, scenarios.RunFile, scenarios.LogFile, scenarios.ScenarioFile, scenarios.AlertsFile,
		reports.ResultFile, reports.SummaryFile, reports.PageFile, reports.TimelineFile, reports.JUnitFile, reports.BoardsFile, reports.TimingFile} {
		texts[name] = "as always\n"
	}
	trace := "1 began\n2 ended\n"
	for name, text := range but {
		switch {
		case name == runner.TraceFile:
			trace = text
		case text == "":
			delete(texts, name)
		default:
			texts[name] = text
		}
	}
	f, err := os.Create(filepath.Join(folder, runner.TraceFile))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := z.Write([]byte(trace)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestAllThatTwoRunsLeftIsCompared, but what was measured in real time.
func TestAllThatTwoRunsLeftIsCompared(t *testing.T) {
	for _, test := range []struct {
		name string
		but  map[string]string
		says string
	}{
		{"two equal runs", nil, ""},
		{"other times", map[string]string{reports.TimingFile: "another\n"}, ""},
		{"another trace", map[string]string{runner.TraceFile: "1 began\n2 died\n", reports.ResultFile: "another\n"}, "trace.txt.gz:2:\n  first:  2 ended\n  second: 2 died"},
		{"another result", map[string]string{reports.ResultFile: "another\n"}, "result.json: the files differ"},
		{"other boards", map[string]string{reports.BoardsFile: "another\n"}, "boards.json: the files differ"},
		{"other alerts", map[string]string{scenarios.AlertsFile: "another\n"}, "alerts.jsonl: the files differ"},
		{"another report for build servers", map[string]string{reports.JUnitFile: "another\n"}, "junit.xml: the files differ"},
		{"no boards", map[string]string{reports.BoardsFile: ""}, "boards.json: only one of the runs left it"},
		{"a file that nobody knows", map[string]string{"more.txt": "more\n"}, "more.txt: only one of the runs left it"},
	} {
		diff, err := firstDifference(left(t, nil), left(t, test.but))
		if err != nil || !strings.HasPrefix(diff, test.says) || (diff == "") != (test.says == "") {
			t.Errorf("%s: %q (%v), want %q", test.name, diff, err, test.says)
		}
	}
}
