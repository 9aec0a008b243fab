package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheSmallestRunStandsInTheReportOfTheWhole once it is known, whoever writes the reports anew; but not in that of another run.
func TestTheSmallestRunStandsInTheReportOfTheWhole(t *testing.T) {
	folder := t.TempDir()
	r := story(func(r *Result) {
		r.Scenario, r.TraceHash = "story", "abc"
		r.Checks = []Check{{Name: "durable", Status: Fail, Detail: "2 reads miss a change"}}
	})
	write := func() string {
		t.Helper()
		if err := Write(folder, r, nil, nil); err != nil {
			t.Fatal(err)
		}
		return read(t, filepath.Join(folder, PageFile))
	}
	const title = "The smallest run that fails so"
	if strings.Contains(write(), title) {
		t.Error("nobody has cut the run down, and its page shows what it was cut down to")
	}
	m := Minimal{TraceHash: "abc", Check: "durable", Of: 3, Needed: true, Seeds: []uint64{7, 8}, Runs: 12, Faults: []string{"20.000s +10.000s power-cut machine=pi-1 keep=0"},
		Amounts: []string{"users.count: 3 (it was 12)"}, Replay: "picloud sim -scenario out/minimal.yaml -seed 7"}
	if err := m.Write(folder); err != nil {
		t.Fatal(err)
	}
	page := write()
	for _, want := range []string{title, "Of its 3 faults 1 suffices: power-cut of pi-1 at 20 s.", "Cut down in 12 runs",
		"With one fault less no run with the seeds 7 and 8 fails so.", "<pre>20.000s +10.000s power-cut machine=pi-1 keep=0</pre>", "users.count: 3 (it was 12)",
		"<code>picloud sim -scenario out/minimal.yaml -seed 7</code>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	again, _, err := Read(folder)
	if err != nil || again.Minimal == nil || again.Minimal.Runs != 12 {
		t.Errorf("%v, read %+v", err, again)
	}
	r.Checks[0].Name = "live"
	if strings.Contains(write(), title) {
		t.Error("the page shows what it takes to fail otherwise")
	}
	r.Checks[0].Name, r.Checks[0].Status = "durable", Pass
	if strings.Contains(write(), title) {
		t.Error("the page of a run that passes, judged anew, shows what it takes to fail")
	}
	if r.Checks[0] = Judging(); !strings.Contains(write(), title) {
		t.Error("the page of a run that is being judged anew shows nothing")
	}
	r.Checks[0].Name, r.Checks[0].Status, r.TraceHash = "durable", Fail, "def"
	if strings.Contains(write(), title) {
		t.Error("the page shows what another run was cut down to")
	}
	if err := os.WriteFile(filepath.Join(folder, MinimalFile), []byte(`{"faluts": []}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(folder, r, nil, nil); err == nil || !strings.Contains(err.Error(), MinimalFile) || !strings.Contains(err.Error(), "faluts") {
		t.Errorf("a file with an unknown key: %v", err)
	}
}

func TestWhatItTakesIsSaid(t *testing.T) {
	one, two := "1.000s +0.000s kill machine=pi-1", "2.000s +1.000s pause machine=pi-2"
	for _, c := range []struct {
		m    Minimal
		want string
	}{
		{Minimal{Of: 2}, "It fails so without any of its 2 faults, too."},
		{Minimal{Of: 1, Needed: true, Faults: []string{one}}, "It takes its one fault: without any one it does not fail so."},
		{Minimal{Of: 5, Needed: true, Faults: []string{one, two}}, "Of its 5 faults 2 suffice, and none of these can be left out: kill of pi-1 at 1 s and pause of pi-2 at 2 s."},
		{Minimal{Of: 2, Runs: 9, Faults: []string{one, two}}, "None of its 2 faults could be left out in 9 runs."},
		{Minimal{Of: 9, Faults: []string{one, one, one, two, two}}, "Of its 9 faults 5 suffice, perhaps fewer: kill of pi-1 at 1 s, kill of pi-1 at 1 s, kill of pi-1 at 1 s and 2 more."},
	} {
		if got := c.m.proved(); got != c.want {
			t.Errorf("%s\nwant\n%s", got, c.want)
		}
	}
}
