package node

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"picloud/node/alerts"
)

// storyFile is a file of promtool's tests, as far as ours go.
type storyFile struct {
	path     string
	Rules    []string       `yaml:"rule_files"`
	Interval model.Duration `yaml:"evaluation_interval"`
	Stories  []story        `yaml:"tests"`
}

type story struct {
	Name     string         `yaml:"name"`
	Interval model.Duration `yaml:"interval"`
	Series   []struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	} `yaml:"input_series"`
	Checks []struct {
		Expr    string         `yaml:"expr"`
		At      model.Duration `yaml:"eval_time"`
		Samples []struct {
			Labels string  `yaml:"labels"`
			Value  float64 `yaml:"value"`
		} `yaml:"exp_samples"`
	} `yaml:"promql_expr_test"`
}

// storyFiles returns the files of stories, which stand beside those of rules.
func storyFiles(t *testing.T) (all []storyFile) {
	t.Helper()
	paths, err := filepath.Glob("*_test.yaml")
	below, errBelow := filepath.Glob("*/*_test.yaml")
	boards, errBoards := filepath.Glob("../hw/*_test.yaml")
	if err != nil || errBelow != nil || errBoards != nil {
		t.Fatal(err, errBelow, errBoards)
	}
	for _, path := range slices.Concat(paths, below, boards) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f := storyFile{path: path}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, f)
	}
	return all
}

func newExpressions() parser.Parser { return parser.NewParser(parser.Options{}) }

// played is which alerts fired at each evaluation of a story, with their labels as text.
type played map[time.Duration]map[string]bool

// play has a monitor's evaluator see the story of some rules.
func (s *story) play(t *testing.T, rules *alerts.Rules, every time.Duration) played {
	t.Helper()
	e := alerts.NewEvaluator(rules)
	begin, end := time.Unix(0, 0), s.end(t)
	said := played{}
	for at := time.Duration(0); at <= end; at += every {
		for _, series := range s.Series {
			l, values, err := newExpressions().ParseSeriesDesc(series.Series + " " + series.Values)
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			round := int(at / time.Duration(s.Interval))
			if at%time.Duration(s.Interval) == 0 && round < len(values) && !values[round].Omitted {
				e.Add(l, begin.Add(at), values[round].Value)
			}
		}
		if _, err := e.Evaluate(t.Context(), begin.Add(at)); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		said[at] = map[string]bool{}
		for _, a := range e.Active() {
			if strings.Contains(a.Summary+a.Runbook, "{{") || strings.Contains(a.Summary+a.Runbook, "no value") {
				t.Errorf("%s: it says %s %s", s.Name, a.Summary, a.Runbook)
			}
			if a.State == alerts.Firing {
				said[at][fmt.Sprint(a.Labels)] = true // fmt sorts the keys of maps
			}
		}
	}
	return said
}

// end returns when the last check is.
func (s *story) end(t *testing.T) (end time.Duration) {
	t.Helper()
	for _, c := range s.Checks {
		end = max(end, time.Duration(c.At))
	}
	if end == 0 {
		t.Errorf("%s checks nothing", s.Name)
	}
	return end
}

// TestEveryAlertHasItsStories plays to a monitor's evaluator what promtool plays to Prometheus: the two must agree on which alerts fire,
// with which labels, and when. Each alert has a story in which it fires and clears, and one in which it nearly fires.
func TestEveryAlertHasItsStories(t *testing.T) {
	texts := map[string]alerts.File{}
	for _, f := range RuleFiles() {
		path := filepath.Join(f.Name, "alerts.yaml")
		switch f.Name {
		case "node":
			path = "alerts.yaml"
		case "levels":
			path = "levels.yaml"
		case "hw":
			path = "../hw/alerts.yaml"
		}
		texts[path] = f
	}
	for _, f := range storyFiles(t) {
		if len(f.Rules) != 1 {
			t.Fatalf("%s is about %q", f.path, f.Rules)
		}
		path := filepath.Join(filepath.Dir(f.path), f.Rules[0])
		file, is := texts[path]
		if !is {
			t.Errorf("%s: no monitor has the rules of %s", f.path, path)
			continue
		}
		delete(texts, path)
		rules, err := alerts.Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		f.compare(t, rules)
	}
	for path, file := range texts {
		if rules, err := alerts.Parse(file); err != nil || len(rules.Alerts()) > 0 {
			t.Errorf("%s has no stories (%v)", path, err)
		}
	}
}

// compare tells the stories of a file.
func (f *storyFile) compare(t *testing.T, rules *alerts.Rules) {
	names := map[string]bool{}
	for _, rule := range rules.Alerts() {
		names[rule.Name] = true
	}
	firing, silent := map[string]*story{}, map[string]*story{}
	for i := range f.Stories {
		s := &f.Stories[i]
		name, what, _ := strings.Cut(s.Name, " ")
		t.Run(strings.ReplaceAll(s.Name, " ", "_"), func(t *testing.T) {
			said := s.play(t, rules, time.Duration(f.Interval))
			switch {
			case !names[name]:
				t.Errorf("%s has no alert %s", f.Rules, name)
			case what == "fires", strings.HasPrefix(what, "fires: "):
				firing[name] = s
				s.firesAndClears(t, name, said)
			case strings.HasPrefix(what, "is silent: "):
				silent[name] = s
				for at, alerts := range said {
					for a := range alerts {
						if strings.Contains(a, "alertname:"+name+" ") {
							t.Errorf("at %s it fires: %s", at, a)
						}
					}
				}
			default:
				t.Errorf("a story is named NAME fires, NAME fires: WHY, or NAME is silent: WHY")
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch {
		case firing[name] == nil || silent[name] == nil:
			t.Errorf("%s: %s has no story in which it fires, or none in which it is silent", f.path, name)
		case !silent[name].about(t, firing[name]):
			t.Errorf("%s: %s is silent in a story that is about something else", f.path, name)
		}
	}
}

// firesAndClears compares what fired with what the story checks: nothing, then the alert, then nothing.
func (s *story) firesAndClears(t *testing.T, name string, said played) {
	t.Helper()
	if len(s.Checks) < 3 || len(s.Checks[0].Samples) > 0 || len(s.Checks[1].Samples) == 0 || len(s.Checks[len(s.Checks)-1].Samples) > 0 {
		t.Errorf("its checks are not before it fires, while it does, and after it has cleared")
	}
	for _, c := range s.Checks {
		want := map[string]bool{}
		for _, sample := range c.Samples {
			l, err := newExpressions().ParseMetric(sample.Labels)
			if err != nil {
				t.Fatal(err)
			}
			labels := l.Map()
			delete(labels, model.MetricNameLabel)
			delete(labels, "alertstate")
			want[fmt.Sprint(labels)] = true
		}
		got := maps.Clone(said[time.Duration(c.At)])
		maps.DeleteFunc(got, func(a string, _ bool) bool { return !strings.Contains(a, "alertname:"+name+" ") })
		if !maps.Equal(got, want) {
			t.Errorf("at %s these fire: %v, and not %v", c.At, got, want)
		}
	}
}

// about tells whether a story has series of one metric at least that another is about.
func (s *story) about(t *testing.T, other *story) bool {
	t.Helper()
	metrics := func(s *story) map[string]bool {
		names := map[string]bool{}
		for _, series := range s.Series {
			name, _, _ := strings.Cut(series.Series, "{")
			names[name] = true
		}
		return names
	}
	mine := metrics(s)
	for name := range metrics(other) {
		if mine[name] {
			return true
		}
	}
	return false
}
