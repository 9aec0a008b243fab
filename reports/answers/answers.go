// Package answers keeps runs that failed and that no scenario was written to fail so, each with an answer key: what somebody says of it
// who has looked at all that the run left. Tests want to find these answers in the first screen of the run's page.
//
// Invariants: a key is written from the evidence of a run, never from its page; each of the five questions has an answer, and each answer
// words that must stand under its question.
package answers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"picloud/reports"
)

// keyFile is the answer key, in the folder of a run.
const keyFile = "key.yaml"

// Run is a run that failed, with its key.
type Run struct {
	Name     string
	Result   *reports.Result
	Timeline reports.Timeline
	Key      Key
}

// Key is what is said of a run.
type Key struct {
	Run     string   `yaml:"run"` // how it came about
	Answers []Answer `yaml:"answers"`
}

// Answer answers a question in a person's words.
type Answer struct {
	Question string   `yaml:"question"`
	Answer   string   `yaml:"answer"`
	Says     []string `yaml:"says"` // what the page must say of it, word by word
}

// Page returns the run's page.
func (r *Run) Page() string { return reports.Page(r.Result, r.Timeline, nil) }

// Read reads all runs in a folder, in the order of their names.
func Read(folder string) ([]Run, error) {
	keys, err := filepath.Glob(filepath.Join(folder, "*", keyFile))
	if err != nil {
		return nil, err
	}
	slices.Sort(keys)
	var all []Run
	for _, path := range keys {
		r := Run{Name: filepath.Base(filepath.Dir(path))}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if r.Key, err = parse(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if r.Result, r.Timeline, err = reports.Read(filepath.Dir(path)); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func parse(text []byte) (k Key, err error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&k); err != nil {
		return k, err
	}
	questions := (&reports.Result{}).Incident()
	if k.Run == "" || len(k.Answers) != len(questions) {
		return k, fmt.Errorf("it says how the run came about, and answers %d questions", len(questions))
	}
	for i, a := range k.Answers {
		if a.Question != questions[i].Question || a.Answer == "" || len(a.Says) == 0 || slices.Contains(a.Says, "") {
			return k, fmt.Errorf("answers[%d]: it answers %q, and has words for the page", i, questions[i].Question)
		}
	}
	return k, nil
}
