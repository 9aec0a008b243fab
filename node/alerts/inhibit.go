package alerts

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v3"
)

// Inhibitions say which alerts do not page while others fire, so that a cause pages once. They are the inhibit_rules of
// Alertmanager's configuration, and mean the same: an alert that an inhibition holds back still holds back others, and none
// holds back itself.
type Inhibitions struct{ rules []inhibition }

// inhibition holds back the alerts that match target while one fires that matches source and has the same values of the
// labels in equal. A label that is not there has the value "".
type inhibition struct {
	source, target selector
	equal          []string
}

// inhibitFile is the part of Alertmanager's configuration that is understood.
type inhibitFile struct {
	Rules []struct {
		Source []string `yaml:"source_matchers"`
		Target []string `yaml:"target_matchers"`
		Equal  []string `yaml:"equal"`
	} `yaml:"inhibit_rules"`
}

// ParseInhibitions reads a file of inhibitions. What is not understood is an error, with the file's name.
func ParseInhibitions(f File) (*Inhibitions, error) {
	var read inhibitFile
	d := yaml.NewDecoder(bytes.NewReader(f.Text))
	d.KnownFields(true)
	if err := d.Decode(&read); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("inhibitions of %s: %w", f.Name, err)
	}
	all := &Inhibitions{}
	for i := range read.Rules {
		one := &read.Rules[i]
		source, err := matchers(one.Source)
		if err != nil {
			return nil, fmt.Errorf("inhibitions of %s: inhibit_rules[%d].source_matchers: %w", f.Name, i, err)
		}
		target, err := matchers(one.Target)
		if err != nil {
			return nil, fmt.Errorf("inhibitions of %s: inhibit_rules[%d].target_matchers: %w", f.Name, i, err)
		}
		all.rules = append(all.rules, inhibition{source, target, one.Equal})
	}
	return all, nil
}

// matchers reads matchers like `alertname=~"A|B"`, of which there is one at least: none would match all alerts.
func matchers(texts []string) (s selector, err error) {
	for _, text := range texts {
		one, err := newParser().ParseMetricSelector("{" + text + "}")
		if err != nil || len(one) != 1 {
			return s, fmt.Errorf("%.200q is no matcher like name=\"value\"", text)
		}
		s.matchers = append(s.matchers, one[0])
	}
	if len(texts) == 0 {
		return s, errors.New("there is none")
	}
	return s, nil
}

// apply notes in a list of alerts by which other one each that fires is held back.
func (n *Inhibitions) apply(all []Alert) {
	of := make([]labels.Labels, len(all))
	for i := range all {
		of[i] = labels.FromMap(all[i].Labels)
	}
	for i := range all {
		for k := range all {
			if all[i].State == Firing && all[k].State == Firing && n.holdBack(of[k], of[i]) {
				all[i].Inhibited, all[i].InhibitedBy = true, all[k].Title()
				break
			}
		}
	}
}

// holdBack tells whether an alert that fires holds back another.
func (n *Inhibitions) holdBack(source, target labels.Labels) bool {
	for i := range n.rules {
		if n.rules[i].holdsBack(source, target) {
			return true
		}
	}
	return false
}

func (r *inhibition) holdsBack(source, target labels.Labels) bool {
	if !r.source.matches(source) || !r.target.matches(target) {
		return false
	}
	if r.source.matches(target) && r.target.matches(source) {
		return false // of two that might hold back one another neither does, nor does one itself
	}
	for _, name := range r.equal {
		if source.Get(name) != target.Get(name) {
			return false
		}
	}
	return true
}
