package reports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Broken is what a failure is known by. Another seed may fail in the same way.
type Broken struct {
	Check     string `json:"check"`
	Signature string `json:"signature"`
}

// Signature returns what is the same in the details of a check that fails in the same way with another seed: the first line, with
// what differs from seed to seed left out. The example behind a semicolon is another one each time, except for
// the last words of a process, which are the failure.
func Signature(c *Check) string {
	const most = 16 // words; what comes later tells one run from another
	line, _, _ := strings.Cut(c.Detail, "\n")
	general, example, _ := strings.Cut(line, "; ")
	if c.Name == "no-unexpected-death" {
		general = example
	}
	words := strings.Fields(general)
	for i, w := range words {
		if strings.ContainsAny(w, "0123456789") {
			words[i] = "#" + w[len(strings.TrimRight(w, ".,:;")):]
		}
	}
	words = slices.Compact(words)
	return strings.Join(words[:min(len(words), most)], " ")
}

// FailureState is what has become of a failure since the sweep before.
type FailureState string

// The states of a failure.
const (
	New       FailureState = "new"
	Ongoing   FailureState = "ongoing"
	Regressed FailureState = "regressed" // it had been resolved
	Resolved  FailureState = "resolved"  // the seed that showed it was played and judged, and no run fails so
	Unseen    FailureState = "unseen"    // no run fails so, and the seed that showed it was not played, or could not be judged
)

// Failure is a way to fail that a sweep or one before it has met.
type Failure struct {
	Broken
	State FailureState `json:"state"`
	Seed  uint64       `json:"seed"` // the last that showed it
	Runs  int          `json:"runs"` // of this sweep that failed so
}

// Triage returns the failures of a sweep and what has become of those that were known before. New, regressed and ongoing ones come
// first, in the order in which they were met.
func Triage(before []Failure, runs []SweepRun) []Failure {
	var now []Failure
	played := map[uint64]*SweepRun{}
	for i := range runs {
		r := &runs[i]
		played[r.Seed] = r
		for _, b := range r.Failures {
			i := slices.IndexFunc(now, func(f Failure) bool { return f.Broken == b })
			if i < 0 {
				i = len(now)
				now = append(now, Failure{Broken: b, State: stateOf(b, before)})
			}
			now[i].Seed = r.Seed
			now[i].Runs++
		}
	}
	for _, old := range before {
		if slices.ContainsFunc(now, func(f Failure) bool { return f.Broken == old.Broken }) {
			continue
		}
		old.Runs = 0
		if old.State != Resolved {
			old.State = Unseen
			if r := played[old.Seed]; r != nil && (r.Verdict == Pass || slices.Contains(r.Decided, old.Check)) {
				old.State = Resolved
			}
		}
		now = append(now, old)
	}
	order := []FailureState{New, Regressed, Ongoing, Unseen, Resolved}
	slices.SortStableFunc(now, func(a, b Failure) int { return cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)) })
	return now
}

func stateOf(b Broken, before []Failure) FailureState {
	i := slices.IndexFunc(before, func(f Failure) bool { return f.Broken == b })
	switch {
	case i < 0:
		return New
	case before[i].State == Resolved:
		return Regressed
	}
	return Ongoing
}

// SweepHistory is a line of the history file: what was known after a sweep.
type SweepHistory struct {
	Scenario string    `json:"scenario"`
	Runs     int       `json:"runs"`
	Failures []Failure `json:"failures"`
}

// ReadSweeps returns what sweeps have left in a folder's history, the oldest first; nothing if there is none.
func ReadSweeps(folder string) ([]SweepHistory, error) {
	path := filepath.Join(folder, HistoryFile)
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var all []SweepHistory
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var h SweepHistory
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n+1, err)
		}
		all = append(all, h)
	}
	return all, nil
}

// Known returns what is known of a scenario's failures after all those sweeps.
func Known(all []SweepHistory, scenario string) []Failure {
	for _, h := range slices.Backward(all) {
		if h.Scenario == scenario {
			return h.Failures
		}
	}
	return nil
}

// FailureText says what has become of failures, a line each. It says nothing if there are none.
func FailureText(failures []Failure) string {
	var b strings.Builder
	for _, f := range failures {
		fmt.Fprintf(&b, "%-10s %s: %s (%d runs, last seed %d)\n", f.State, f.Check, f.Signature, f.Runs, f.Seed)
	}
	return b.String()
}
