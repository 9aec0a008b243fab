package runner

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"picloud/chaos"
	"picloud/scenarios"
)

// TestAScheduleMustLeaveTheEndHealed: its checks count from there on.
func TestAScheduleMustLeaveTheEndHealed(t *testing.T) {
	s, err := scenarios.Load("short-cloud")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"30s +5s kill machine=pi-1\n": "", "40s +19s kill machine=pi-1\n": "everything must be healed at 45s"} {
		o := Options{Scenario: s}
		if o.Schedule, err = chaos.Parse("schedule", text); err != nil {
			t.Fatal(err)
		}
		if _, err := o.checked(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestTwoRunsInOneFolder do not write into each other's traces, and one that is given up takes away nothing of another.
func TestTwoRunsInOneFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	begin := func(quiet bool) *run {
		t.Helper()
		r := &run{Options: Options{Folder: folder, NoTrace: quiet}}
		if _, err := r.openTrace(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	given := begin(false)
	if err := given.discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("a run that was given up leaves its empty folder")
	}
	one, two := begin(false), begin(false)
	for text, r := range map[string]*run{"one\n": one, "two\n": two} {
		if _, err := r.trace.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for want, r := range map[string]*run{"one\n": one, "two\n": two} {
		if err := r.trace.Close(); err != nil {
			t.Fatal(err)
		}
		trace, err := ReadTrace(folder)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(trace); err != nil || string(text) != want {
			t.Errorf("the trace is %q (%v), not %q", text, err, want)
		}
		if err := trace.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := begin(true).discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, TraceFile)); err != nil {
		t.Errorf("a run without a trace that was given up took that of another: %v", err)
	}
}
