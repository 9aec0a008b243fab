package alerts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// File is a file of rules in the format of Prometheus.
type File struct {
	Name string // for messages
	Text []byte
}

// Rules are the rules of some files, in order.
type Rules struct {
	rules     []rule
	selectors []selector
}

// rule records the value of an expression under a name, or says which of its values are an alert.
type rule struct {
	name        string
	record      bool
	expr        string
	hold        time.Duration // how long an alert is pending before it fires
	labels      labels.Labels // beside those of the value
	annotations map[string]string
}

// The annotations of an alert's rule.
const (
	summary = "summary"
	runbook = "runbook"
)

// selector is a selector of series that an expression has, and how far back it looks.
type selector struct {
	matchers []*labels.Matcher
	back     time.Duration
}

func (s *selector) matches(l labels.Labels) bool {
	for _, m := range s.matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

// newParser returns the parser of expressions.
func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// Parse reads files of rules. What is not understood is an error, with the file's name.
func Parse(files ...File) (*Rules, error) {
	r, engine := &Rules{}, newEngine()
	for _, f := range files {
		groups, errs := rulefmt.Parse(f.Text, false, model.UTF8Validation, newParser(), slog.New(slog.DiscardHandler))
		if err := errors.Join(errs...); err != nil {
			return nil, fmt.Errorf("rules of %s: %w", f.Name, err)
		}
		for i := range groups.Groups {
			if err := r.add(engine, &groups.Groups[i]); err != nil {
				return nil, fmt.Errorf("rules of %s: %w", f.Name, err)
			}
		}
	}
	return r, nil
}

func (r *Rules) add(engine *promql.Engine, g *rulefmt.RuleGroup) error {
	if g.Interval != 0 || g.QueryOffset != nil || g.Limit != 0 || len(g.Labels) > 0 {
		return fmt.Errorf("group %s: interval, query_offset, limit and labels of a group are not supported", g.Name)
	}
	for i := range g.Rules {
		f := &g.Rules[i]
		one := rule{
			name: f.Alert, expr: f.Expr, hold: time.Duration(f.For),
			labels: labels.FromMap(f.Labels), annotations: f.Annotations,
		}
		if f.Record != "" {
			one.name, one.record = f.Record, true
		}
		err := r.look(engine, one.expr)
		for _, text := range f.Labels {
			if strings.Contains(text, "{{") {
				err = errors.Join(err, fmt.Errorf("a template in a label, %q, is not supported", text))
			}
		}
		if f.KeepFiringFor != 0 {
			err = errors.Join(err, errors.New("keep_firing_for is not supported"))
		}
		if err != nil {
			return fmt.Errorf("group %s: %s: %w", g.Name, one.name, err)
		}
		r.rules = append(r.rules, one)
	}
	return nil
}

// look notes which series an expression looks at, and says whether it can be evaluated.
func (r *Rules) look(engine *promql.Engine, expr string) error {
	q, err := engine.NewInstantQuery(context.Background(), nil, nil, expr, time.Unix(0, 0))
	if err != nil {
		return err
	}
	defer q.Close()
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return err
	}
	parser.Inspect(parsed, func(n parser.Node, path []parser.Node) error {
		if s, is := n.(*parser.VectorSelector); is {
			back := s.OriginalOffset
			for _, p := range path {
				switch p := p.(type) {
				case *parser.MatrixSelector:
					back += p.Range
				case *parser.SubqueryExpr:
					back += p.Range + p.OriginalOffset
				}
			}
			r.selectors = append(r.selectors, selector{s.LabelMatchers, back})
		}
		return nil
	})
	return nil
}

// maxSamples bounds what one expression may load into memory.
const maxSamples = 5_000_000

// evalLimit bounds the time that one expression may take.
const evalLimit = 10 * time.Second

func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: maxSamples, Timeout: evalLimit, Parser: newParser(),
	})
}

// AlertRule is what a rule says of its alerts.
type AlertRule struct {
	Name             string
	Labels           map[string]string // that all its alerts have
	Summary, Runbook string            // with templates for what an alert is about
}

// Alerts returns the rules of alerts, in order.
func (r *Rules) Alerts() []AlertRule {
	var all []AlertRule
	for i := range r.rules {
		if one := &r.rules[i]; !one.record {
			all = append(all, AlertRule{one.name, one.labels.Map(), one.annotations[summary], one.annotations[runbook]})
		}
	}
	return all
}

// Expressions returns the expressions of all rules, by the rules' names.
func (r *Rules) Expressions() map[string][]string {
	all := map[string][]string{}
	for i := range r.rules {
		all[r.rules[i].name] = append(all[r.rules[i].name], r.rules[i].expr)
	}
	return all
}

// Recorded returns the names of the series that the rules record.
func (r *Rules) Recorded() map[string]bool {
	names := map[string]bool{}
	for i := range r.rules {
		if r.rules[i].record {
			names[r.rules[i].name] = true
		}
	}
	return names
}
