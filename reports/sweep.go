package reports

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a sweep, in its folder, beside summary.txt and junit.xml.
const (
	SweepFile   = "sweep.json"
	HistoryFile = "failures.jsonl" // what failed in this sweep and in those before it, a line for each
)

// Sweep is the facts of many runs of a scenario.
type Sweep struct {
	Scenario     string     `json:"scenario"`
	Shard        string     `json:"shard,omitempty"` // "2/4" of the seeds; all of them if it is empty
	Asked        int        `json:"asked"`           // runs; fewer were made if the sweep was interrupted
	Verdict      Status     `json:"verdict"`
	Why          string     `json:"why,omitempty"` // what speaks against it beside its runs
	Passed       int        `json:"passed"`
	Failed       int        `json:"failed"`
	Inconclusive int        `json:"inconclusive"`
	Runs         []SweepRun `json:"runs"`
	Failures     []Failure  `json:"failures"` // those known, with what has become of each
}

// SweepRun is one run of a sweep.
type SweepRun struct {
	Seed     uint64   `json:"seed"`
	Verdict  Status   `json:"verdict"`
	Cause    string   `json:"cause"`
	Replay   string   `json:"replay,omitempty"`
	Failures []Broken `json:"failures,omitempty"`
	Decided  []string `json:"decided,omitempty"` // the checks that passed or failed
}

// SweepRunOf returns what a sweep keeps of a run.
func SweepRunOf(r *Result) SweepRun {
	one := SweepRun{Seed: r.Seed, Verdict: r.Verdict, Cause: r.Cause(), Replay: r.Replay}
	for _, c := range r.Checks {
		if c.Status != Inconclusive && !slices.Contains(one.Decided, c.Name) {
			one.Decided = append(one.Decided, c.Name)
		}
		if b := (Broken{c.Name, Signature(&c)}); c.Status == Fail && !slices.Contains(one.Failures, b) {
			one.Failures = append(one.Failures, b)
		}
	}
	return one
}

// WriteSweep writes a sweep's facts, its JUnit report and its history, which goes on where those before it ended: what they knew stays known,
// also if the sweep was compared with others.
func WriteSweep(folder string, s *Sweep, before []SweepHistory) error {
	facts, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	junit, err := s.JUnit()
	if err != nil {
		return err
	}
	var history strings.Builder
	for _, h := range append(slices.Clone(before), SweepHistory{s.Scenario, len(s.Runs), s.known(before)}) {
		line, err := json.Marshal(h)
		if err != nil {
			return err
		}
		history.Write(append(line, '\n'))
	}
	for _, file := range []struct {
		name string
		text []byte
	}{{SweepFile, append(facts, '\n')}, {JUnitFile, junit}, {HistoryFile, []byte(history.String())}} {
		if err := WriteFile(filepath.Join(folder, file.name), file.text); err != nil {
			return err
		}
	}
	return nil
}

// known returns the failures of a sweep, and after them those that only the sweeps before it in its folder knew.
func (s *Sweep) known(before []SweepHistory) []Failure {
	all := slices.Clone(s.Failures)
	for _, own := range Triage(Known(before, s.Scenario), s.Runs) {
		if !slices.ContainsFunc(all, func(f Failure) bool { return f.Broken == own.Broken }) {
			all = append(all, own)
		}
	}
	return all
}

// JUnit returns the sweep as a JUnit report: a test case for each run, and one for the sweep as a whole. Where the sweep passes, runs that
// were inconclusive are no errors.
func (s *Sweep) JUnit() ([]byte, error) {
	suite := junitSuite{Name: "sweep of " + s.Scenario}
	for _, r := range s.Runs {
		status := r.Verdict
		if status == Inconclusive && s.Verdict == Pass {
			status = tolerated
		}
		suite.add(fmt.Sprintf("seed %d", r.Seed), s.Scenario, status, r.Cause+"\n"+r.Replay)
	}
	why := fmt.Sprintf("%d of %d runs failed, %d were inconclusive", s.Failed, len(s.Runs), s.Inconclusive)
	if s.Why != "" {
		why = s.Why + "; " + why
	}
	suite.add("sweep", s.Scenario, s.Verdict, why+"\n"+FailureText(s.Failures))
	return suite.encode()
}
