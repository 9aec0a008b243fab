// Package alerts reads rule files of Prometheus, looks at the metrics of nodes and says which alerts stand.
// The same code runs beside a live cloud and inside the simulation. Expressions are evaluated by Prometheus'
// own engine, over a window that holds only what the rules look at.
//
// Invariants: an evaluator that is given the same samples at the same times says the same, in the same order;
// states follow one another as in Prometheus: pending when the condition begins, firing when it has held for
// the rule's `for`, resolved when it ends.
package alerts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"picloud/node/mutant"
)

// State is where an alert stands.
type State string

// The states. An alert goes from Pending to Firing to Resolved, or from Pending to Inactive.
const (
	Pending  State = "pending"  // the condition holds, and has not held long enough
	Firing   State = "firing"   // it has
	Resolved State = "resolved" // it held, and does no more
	Inactive State = "inactive" // it did not hold long enough
)

// Alert is a rule's condition that holds, or held until just now, for the labels of one of its values.
type Alert struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	State   State             `json:"state"`
	Since   time.Time         `json:"since"` // when the condition began to hold
	Value   float64           `json:"-"`
	Summary string            `json:"summary,omitempty"`
	Runbook string            `json:"runbook,omitempty"`

	Inhibited   bool   `json:"inhibited,omitempty"`    // another one, which fires too, is why this one does not page
	InhibitedBy string `json:"inhibited_by,omitempty"` // the Title of that
}

// The labels that every alert has from its rule, with their values.
const (
	SeverityLabel = "severity"
	Page          = "page"   // somebody is to be woken
	Ticket        = "ticket" // it can wait for the day

	ClassLabel = "class"
	Symptom    = "symptom" // those who use the cloud feel it
	Cause      = "cause"   // a part is not as it should be, felt or not
)

// Pages says whether the alert wakes somebody.
func (a *Alert) Pages() bool {
	return a.State == Firing && a.Labels[SeverityLabel] == Page && !a.Inhibited
}

// About returns what the alert is about: its labels without those that its rule gives to all, and without the job.
func (a *Alert) About() map[string]string {
	about := maps.Clone(a.Labels)
	for _, name := range []string{labels.AlertName, SeverityLabel, ClassLabel, model.JobLabel} {
		delete(about, name)
	}
	return about
}

// Title returns the alert's name and what it is about: "NodeDown instance=pi-2".
func (a *Alert) Title() string {
	parts, about := []string{a.Name}, a.About()
	for _, name := range slices.Sorted(maps.Keys(about)) {
		parts = append(parts, name+"="+about[name])
	}
	return strings.Join(parts, " ")
}

// Evaluator holds the samples that rules look at, and the alerts that stand. It is for one goroutine.
type Evaluator struct {
	engine *promql.Engine
	window *window
	rules  []*evaluated
}

// evaluated is a rule with what it has come to.
type evaluated struct {
	*rule
	recorded map[*series]bool  // by the last evaluation of a rule that records
	active   map[string]*Alert // by the text of the labels
}

// NewEvaluator returns an evaluator that has seen nothing.
func NewEvaluator(r *Rules) *Evaluator {
	e := &Evaluator{engine: newEngine(), window: newWindow(r.selectors)}
	for i := range r.rules {
		e.rules = append(e.rules, &evaluated{rule: &r.rules[i], active: map[string]*Alert{}})
	}
	return e
}

// Add takes a sample.
func (e *Evaluator) Add(l labels.Labels, at time.Time, v float64) { e.window.add(l, at, v) }

// Evaluate evaluates all rules in order and returns the alerts whose state has changed. Rules that cannot be
// evaluated keep their alerts as they are, and are in the error.
func (e *Evaluator) Evaluate(ctx context.Context, now time.Time) ([]Alert, error) {
	var changes []Alert
	var errs error
	e.window.forget(now)
	for _, r := range e.rules {
		values, err := e.query(ctx, r.expr, now)
		if err == nil && r.record {
			err = r.note(e.window, values, now)
		} else if err == nil {
			var some []Alert
			some, err = r.advance(ctx, values, now)
			changes = append(changes, some...)
		}
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("alerts: evaluate %s: %w", r.name, err))
		}
	}
	return changes, errs
}

// Active returns the alerts that are pending or firing, in the order of the rules.
func (e *Evaluator) Active() []Alert {
	var all []Alert
	for _, r := range e.rules {
		for _, key := range slices.Sorted(maps.Keys(r.active)) {
			all = append(all, *r.active[key])
		}
	}
	return all
}

func (e *Evaluator) query(ctx context.Context, expr string, now time.Time) (promql.Vector, error) {
	q, err := e.engine.NewInstantQuery(ctx, e.window, nil, expr, now)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		return slices.Clone(v), nil // the query's own goes with it
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V}}, nil
	}
	return nil, fmt.Errorf("its value is a %s", result.Value.Type())
}

// note puts the values of a rule that records into the window, and ends the series that it had and has no more.
func (r *evaluated) note(w *window, values promql.Vector, now time.Time) error {
	before := r.recorded
	r.recorded = map[*series]bool{}
	for i := range values {
		l := r.labelled(&values[i], model.MetricNameLabel)
		if s := w.add(l, now, values[i].F); s != nil {
			if r.recorded[s] {
				return fmt.Errorf("two values have the labels %s", l)
			}
			r.recorded[s] = true
		}
	}
	endGone(before, r.recorded, now)
	return nil
}

// labelled returns the labels of a value with those of the rule, whose own name stands under a label.
func (r *evaluated) labelled(v *promql.Sample, nameAs string) labels.Labels {
	b := labels.NewBuilder(v.Metric)
	b.Del(model.MetricNameLabel)
	r.labels.Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
	b.Set(nameAs, r.name)
	return b.Labels()
}

// advance brings the rule's alerts to what its condition holds for now, and returns those that changed.
func (r *evaluated) advance(ctx context.Context, values promql.Vector, now time.Time) ([]Alert, error) {
	holds := map[string]*promql.Sample{}
	for i := range values {
		l := r.labelled(&values[i], labels.AlertName)
		key := l.String()
		if holds[key] != nil {
			return nil, fmt.Errorf("two values have the labels %s", key)
		}
		holds[key] = &values[i]
		if r.active[key] == nil {
			r.active[key] = &Alert{Name: r.name, Labels: l.Map(), Since: now}
		}
	}
	var changes []Alert
	for _, key := range slices.Sorted(maps.Keys(r.active)) {
		a, v := r.active[key], holds[key]
		before := a.State
		if mutant.Planted == mutant.AlertNeverClears && before == Firing {
			continue
		}
		switch {
		case v == nil && a.State == Firing:
			a.State = Resolved
		case v == nil:
			a.State = Inactive
		default:
			a.Value = v.F
			a.Summary, a.Runbook = r.text(ctx, summary, v, now), r.text(ctx, runbook, v, now)
			if a.State = Pending; now.Sub(a.Since) >= r.hold {
				a.State = Firing
			}
		}
		if a.State != before {
			changes = append(changes, *a)
		}
		if v == nil {
			delete(r.active, key)
		}
	}
	return changes, nil
}

// text returns an annotation with a value put in.
func (r *evaluated) text(ctx context.Context, annotation string, v *promql.Sample, now time.Time) string {
	text := r.annotations[annotation]
	if !strings.Contains(text, "{{") {
		return text
	}
	const names = "{{$labels := .Labels}}{{$value := .Value}}"
	expanded, err := template.NewTemplateExpander(ctx, names+text, r.name,
		template.AlertTemplateData(v.Metric.Map(), nil, "", *v), model.TimeFromUnixNano(now.UnixNano()), nil, nil, nil).Expand()
	if err != nil {
		return text // without its values it still says what is wrong
	}
	return expanded
}
