package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"picloud/reports"
	"picloud/scenarios"
)

func TestWhatAlertsNamedOverManyRuns(t *testing.T) {
	named := func(kind string, after reports.Seconds) reports.Fault {
		return reports.Fault{Kind: kind, Target: "pi-1", Must: true, Named: &reports.Naming{Alert: "A", After: after * 1e9}}
	}
	var s scores
	s.add(&reports.Result{Seed: 9}) // nobody looked
	s.add(&reports.Result{Seed: 7, Score: &reports.Score{Fired: 5, Hidden: 1}, Faults: []reports.Fault{
		named("kill", 4), named("kill", 9), named("pause", 8), {Kind: "kill", Must: true, HiddenBy: "another"},
		{Kind: "kill", Target: "pi-2", From: 10e9, Must: true, Missed: true}, {Kind: "disk-rot", Named: &reports.Naming{}},
	}, Alerts: []reports.Alert{{Name: "B", False: true}, {Name: "A"}}})
	s.add(&reports.Result{Seed: 2, Score: &reports.Score{Fired: 2}, Faults: []reports.Fault{
		named("kill", 3), {Kind: "pause", Target: "pi-3", From: 20e9, Must: true, Missed: true}}, Alerts: []reports.Alert{{Name: "B", False: true}}})
	var b strings.Builder
	s.write(&b)
	const want = `
Required faults named by a right alert within time: 4 of 6 (66.6 %); 1 more were hidden by others
  kill                     3 of     4, median after 4.000s, worst after 9.000s
  pause                    1 of     2, median after 8.000s, worst after 8.000s
  missed: seed 2, pause pi-3 at 20.000s
  missed: seed 7, kill pi-2 at 10.000s
False alerts: 2 of 7
  B                                  2
`
	if b.String() != want {
		t.Errorf("got %swant %s", b.String(), want)
	}
}

func TestASweepThatIsInterruptedSaysWhatItHas(t *testing.T) {
	s, err := scenarios.Load("short-pinboard")
	if err != nil {
		t.Fatal(err)
	}
	w := newSweep("short-pinboard", t.TempDir())
	w.list, w.may = []uint64{1, 2, 3}, s.Kinds()
	ctx, interrupt := context.WithCancel(t.Context())
	err = w.run(ctx, 1, func(_ context.Context, _ int, seed uint64) (*reports.Result, error) {
		if seed == 2 {
			interrupt()
			return nil, ctx.Err()
		}
		return &reports.Result{Seed: seed, Verdict: reports.Pass, Score: &reports.Score{}}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted sweep ends with %v", err)
	}
	text, err := os.ReadFile(filepath.Join(w.folder, reports.SummaryFile))
	if !strings.Contains(string(text), "1 of 3 runs of short-pinboard: 1 passed") || !strings.Contains(string(text), "named by a right alert within time: 0 of 0") {
		t.Errorf("%s (%v)", text, err)
	}
}
