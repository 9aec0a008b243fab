package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatBecomesOfAFailure(t *testing.T) {
	lost, late := Broken{"durable", "# reads miss an acknowledged change"}, Broken{"live", "# of # succeeded"}
	pass := func(seeds ...uint64) (runs []SweepRun) {
		for _, seed := range seeds {
			runs = append(runs, SweepRun{Seed: seed, Verdict: Pass})
		}
		return runs
	}
	fail := func(seed uint64, how ...Broken) SweepRun {
		return SweepRun{Seed: seed, Verdict: Fail, Failures: how}
	}
	decided := func(r SweepRun, checks ...string) SweepRun {
		r.Decided = checks
		return r
	}
	unjudged := func(seed uint64) SweepRun { return SweepRun{Seed: seed, Verdict: Inconclusive} }
	stories := []struct {
		name   string
		sweeps [][]SweepRun
		want   string // after the last
	}{
		{"nothing fails", [][]SweepRun{pass(1, 2)}, ""},
		{"it fails for the first time", [][]SweepRun{pass(1, 2), append(pass(1), fail(2, lost))}, "durable new by 1"},
		{"it goes on", [][]SweepRun{{fail(2, lost)}, append(pass(1), fail(2, lost))}, "durable ongoing by 1"},
		{"another seed fails in the same way", [][]SweepRun{{fail(2, lost)}, append(pass(2), fail(3, lost), fail(4, lost))}, "durable ongoing by 2"},
		{"it is mended", [][]SweepRun{{fail(2, lost)}, pass(1, 2)}, "durable resolved by 0"},
		{"its seed was not played", [][]SweepRun{{fail(2, lost)}, pass(3, 4)}, "durable unseen by 0"},
		{"it was not played, and fails again", [][]SweepRun{{fail(2, lost)}, pass(3), {fail(2, lost)}}, "durable ongoing by 1"},
		{"it was not played, and passes then", [][]SweepRun{{fail(2, lost)}, pass(3), pass(2)}, "durable resolved by 0"},
		{"it comes back", [][]SweepRun{{fail(2, lost)}, pass(2), pass(2), {fail(2, lost)}}, "durable regressed by 1"},
		{"it comes back with another seed", [][]SweepRun{{fail(2, lost)}, pass(2), append(pass(2), fail(9, lost))}, "durable regressed by 1"},
		{"it comes back and stays", [][]SweepRun{{fail(2, lost)}, pass(2), {fail(2, lost)}, {fail(2, lost)}}, "durable ongoing by 1"},
		{"its seed is played and cannot be judged", [][]SweepRun{{fail(2, lost)}, {unjudged(2)}}, "durable unseen by 0"},
		{"its check cannot decide, and another one fails", [][]SweepRun{{fail(2, lost)}, {fail(2, late)}}, "live new by 1, durable unseen by 0"},
		{"its check passes, and another one fails", [][]SweepRun{{fail(2, lost)}, {decided(fail(2, late), "live", "durable")}}, "live new by 1, durable resolved by 0"},
		{"one comes and another goes", [][]SweepRun{{fail(2, lost)}, append(pass(2), fail(3, late))}, "live new by 1, durable resolved by 0"},
		{"a run fails in two ways", [][]SweepRun{{fail(2, lost)}, {fail(2, lost, late)}}, "live new by 1, durable ongoing by 1"},
	}
	for _, story := range stories {
		var known []Failure
		for _, runs := range story.sweeps {
			known = Triage(known, runs)
		}
		var got []string
		for _, f := range known {
			got = append(got, fmt.Sprintf("%s %s by %d", f.Check, f.State, f.Runs))
		}
		if text := strings.Join(got, ", "); text != story.want {
			t.Errorf("%s: got %q, want %q", story.name, text, story.want)
		}
	}
}

// TestTheLastSeedThatFailedSoIsKept, as the summary says that it is the last.
func TestTheLastSeedThatFailedSoIsKept(t *testing.T) {
	lost := Broken{"durable", "# reads miss an acknowledged change"}
	known := Triage([]Failure{{Broken: lost, State: New, Seed: 2, Runs: 1}},
		[]SweepRun{{Seed: 3, Verdict: Fail, Failures: []Broken{lost}}, {Seed: 4, Verdict: Fail, Failures: []Broken{lost}}, {Seed: 5, Verdict: Pass}})
	if text := FailureText(known); !strings.Contains(text, "(2 runs, last seed 4)") {
		t.Error(text)
	}
}

func TestASignatureIsTheSameForAnotherSeed(t *testing.T) {
	for _, test := range []struct{ check, a, b, want string }{
		{"durable", "3 reads miss an acknowledged change; on k5.0 client 7 write", "12 reads miss an acknowledged change; on k1.9 client 2 cas",
			"# reads miss an acknowledged change"},
		{"linearizable", "1 of 40 keys are not linearizable, k5.0 is one:\nproof", "2 of 9 keys are not linearizable, k17.4 is one:\nother proof",
			"# of # keys are not linearizable, # is one:"},
		{"no-unexpected-death", "1 processes ended by themselves without a fault that excuses it; pi-1 at 12.3s: panic: no entry\nstack",
			"2 processes ended by themselves without a fault that excuses it; pi-2 at 1.0s: panic: no entry\nanother", "# at #: panic: no entry"},
	} {
		a, b := Signature(&Check{Name: test.check, Detail: test.a}), Signature(&Check{Name: test.check, Detail: test.b})
		if a != test.want || b != test.want {
			t.Errorf("got %q and %q, want %q", a, b, test.want)
		}
	}
	a := Signature(&Check{Name: "no-unexpected-death", Detail: "1 processes ended; pi-1 at 1s: panic: no entry"})
	b := Signature(&Check{Name: "no-unexpected-death", Detail: "1 processes ended; pi-1 at 1s: panic: no lock"})
	if a == b {
		t.Errorf("two panics have the signature %q", a)
	}
}

func TestASweepIsWrittenAndItsHistoryGoesOn(t *testing.T) {
	folder := t.TempDir()
	failed := SweepRunOf(&Result{Seed: 7, Verdict: Fail, Replay: "make sim SEED=7",
		Checks: []Check{{Name: "durable", Status: Fail, Detail: "2 reads miss something"}, {Name: "live", Status: Pass}}})
	for range 2 {
		before, err := ReadSweeps(folder)
		if err != nil {
			t.Fatal(err)
		}
		known := Known(before, "store")
		s := &Sweep{Scenario: "store", Verdict: Fail, Failed: 1, Runs: []SweepRun{failed}, Failures: Triage(known, []SweepRun{failed})}
		if err := WriteSweep(folder, s, before); err != nil {
			t.Fatal(err)
		}
	}
	all, err := ReadSweeps(folder)
	if err != nil || len(all) != 2 || all[0].Failures[0].State != New || all[1].Failures[0].State != Ongoing {
		t.Errorf("the history is %+v (%v)", all, err)
	}
	if other := Known(all, "pinboard"); other != nil {
		t.Errorf("another scenario has the failures %+v", other)
	}
	junit, err := os.ReadFile(filepath.Join(folder, JUnitFile))
	if err != nil || !strings.Contains(string(junit), `name="seed 7"`) || !strings.Contains(string(junit), `failures="2"`) || !strings.Contains(string(junit), "make sim SEED=7") || !strings.Contains(string(junit), "ongoing    durable: # reads miss something") {
		t.Errorf("%v\n%s", err, junit)
	}
	if err := os.WriteFile(filepath.Join(folder, HistoryFile), []byte("{\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSweeps(folder); err == nil || !strings.Contains(err.Error(), "failures.jsonl:1:") {
		t.Error(err)
	}
}

// TestASweepThatPassesSkipsWhatItTolerates: a build server has no errors then, and sees which runs were not judged.
func TestASweepThatPassesSkipsWhatItTolerates(t *testing.T) {
	s := Sweep{Scenario: "store", Inconclusive: 1, Runs: []SweepRun{{Seed: 1, Verdict: Pass}, {Seed: 2, Verdict: Inconclusive, Cause: "live: too few"}}}
	for verdict, want := range map[Status][]string{
		Pass:         {`tests="3" failures="0" errors="0" skipped="1"`, `<skipped message="live: too few">`},
		Inconclusive: {`tests="3" failures="0" errors="2">`, `<error message="live: too few">`},
	} {
		s.Verdict = verdict
		junit, err := s.JUnit()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(junit), w) {
				t.Errorf("%s: there is no %s in\n%s", verdict, w, junit)
			}
		}
	}
}

// TestAComparisonForgetsNothing: what only the folder's own history knew stays in it.
func TestAComparisonForgetsNothing(t *testing.T) {
	folder, lost, late := t.TempDir(), Broken{"durable", "lost"}, Broken{"live", "late"}
	own := []SweepHistory{{Scenario: "store", Runs: 1, Failures: []Failure{{Broken: lost, State: New, Seed: 7, Runs: 1}, {Broken: late, State: New, Seed: 9, Runs: 1}}}}
	runs := []SweepRun{{Seed: 9, Verdict: Fail, Failures: []Broken{late}}}
	s := &Sweep{Scenario: "store", Verdict: Fail, Runs: runs, Failures: Triage(nil, runs)} // another folder knew of none
	if err := WriteSweep(folder, s, own); err != nil {
		t.Fatal(err)
	}
	all, err := ReadSweeps(folder)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v (%v)", all, err)
	}
	if got := FailureText(Known(all, "store")); got != FailureText([]Failure{{Broken: late, State: New, Seed: 9, Runs: 1}, {Broken: lost, State: Unseen, Seed: 7}}) {
		t.Error(got)
	}
	if len(s.Failures) != 1 {
		t.Errorf("the sweep itself is compared with another folder: %+v", s.Failures)
	}
}
