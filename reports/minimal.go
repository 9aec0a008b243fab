package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// MinimalFile is what picloud shrink has cut a run down to, in the run's folder.
const MinimalFile = "minimal.json"

// Minimal is the smallest run with which the same check failed, as far as it was searched for.
type Minimal struct {
	TraceHash string   `json:"trace_hash"` // of the run that was cut down
	Check     string   `json:"check"`
	Faults    []string `json:"faults"`            // a line each, as in a schedule
	Of        int      `json:"of"`                // so many faults were played in the whole run
	Amounts   []string `json:"amounts,omitempty"` // what was made smaller beside: "users.count: 3 (it was 12)"
	Needed    bool     `json:"needed"`            // without any one of the faults no seed that was played fails so
	Seeds     []uint64 `json:"seeds"`             // these
	Runs      int      `json:"runs"`              // that were played to find it
	Replay    string   `json:"replay"`            // the command that plays it
}

// Write writes what was found into the folder of the run, beside its reports.
func (m *Minimal) Write(folder string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(folder, MinimalFile), append(text, '\n'))
}

// minimalOf reads what a run was cut down to; nothing if nobody has, or if it was another run, or another failure.
func minimalOf(folder string, r *Result) (*Minimal, error) {
	var m Minimal
	err := readJSON(filepath.Join(folder, MinimalFile), &m)
	if errors.Is(err, os.ErrNotExist) || err == nil && !m.of(r) {
		return nil, nil
	}
	return &m, err
}

// of tells whether it is about a run, and about how that fails, if it is judged.
func (m *Minimal) of(r *Result) bool {
	return m.TraceHash == r.TraceHash && (r.Broken() == m.Check || r.unjudged())
}

// proved says in a sentence which faults it takes.
func (m *Minimal) proved() string {
	all := count(m.Of, "fault", "faults")
	switch {
	case len(m.Faults) == 0:
		return fmt.Sprintf("It fails so without any of its %s, too.", all)
	case m.Needed && len(m.Faults) == m.Of:
		return fmt.Sprintf("It takes %s: without any one it does not fail so.", whole(m.Of))
	case len(m.Faults) == m.Of:
		return fmt.Sprintf("None of its %s could be left out in %s.", all, count(m.Runs, "run", "runs"))
	case m.Needed && len(m.Faults) == 1:
		return fmt.Sprintf("Of its %s 1 suffices: %s.", all, m.named())
	case m.Needed:
		return fmt.Sprintf("Of its %s %s, and none of these can be left out: %s.", all, suffice(len(m.Faults)), m.named())
	}
	return fmt.Sprintf("Of its %s %s, perhaps fewer: %s.", all, suffice(len(m.Faults)), m.named())
}

func seeds(all []uint64) string {
	var names []string
	for _, s := range all {
		names = append(names, fmt.Sprint(s))
	}
	if len(names) == 1 {
		return "seed " + names[0]
	}
	return "the seeds " + list(names)
}

func whole(n int) string {
	if n == 1 {
		return "its one fault"
	}
	return fmt.Sprintf("all its %d faults", n)
}

func suffice(n int) string {
	if n == 1 {
		return "1 suffices"
	}
	return fmt.Sprintf("%d suffice", n)
}

// named names the faults in a sentence: of a line the time, the kind and the target.
func (m *Minimal) named() string {
	var names []string
	for _, line := range m.Faults {
		words := strings.Fields(line)
		if len(words) < 4 {
			continue
		}
		_, target, _ := strings.Cut(words[3], "=")
		when := words[0]
		if t := new(Seconds); t.UnmarshalJSON([]byte(strings.TrimSuffix(when, "s"))) == nil {
			when = at(*t)
		}
		names = append(names, fmt.Sprintf("%s of %s at %s", words[2], target, when))
	}
	if more := len(names) - mostNamed; more > 0 {
		names = append(names[:mostNamed], fmt.Sprintf("%d more", more))
	}
	return list(names)
}

// minimal shows what a run was cut down to, and how it is played.
func (p *page) minimal(m *Minimal) {
	if m == nil {
		return
	}
	p.put("<section>\n<h2>The smallest run that fails so</h2>\n<p>%s</p>\n", m.proved())
	p.put("<p class=\"soft\">Cut down in %s, as long as %s was the first check that failed.", count(m.Runs, "run", "runs"), m.Check)
	if m.Needed && len(m.Faults) > 0 {
		p.put(" With one fault less no run with %s fails so.", seeds(m.Seeds))
	}
	p.WriteString("</p>\n")
	if len(m.Faults) > 0 {
		p.put("<pre>%s</pre>\n", strings.Join(m.Faults, "\n"))
	}
	if len(m.Amounts) > 0 {
		p.put("<p class=\"soft\">With %s.</p>\n", strings.Join(m.Amounts, ", "))
	}
	p.put("<p>Again: <code>%s</code></p>\n</section>\n", m.Replay)
}
