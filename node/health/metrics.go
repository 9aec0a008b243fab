package health

import (
	"cmp"
	_ "embed"

	"github.com/prometheus/client_golang/prometheus"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on the health of nodes, in Prometheus' format.
func AlertRules() string { return alertRules }

// What came of an action.
const (
	outcomeDone    = "done"
	outcomeFailed  = "failed"
	outcomeRefused = "refused"
	outcomeDry     = "dry"
)

// metrics is what an engine exports.
type metrics struct {
	standing *prometheus.GaugeVec
	unknown  *prometheus.GaugeVec
	raised   *prometheus.CounterVec
	actions  *prometheus.CounterVec
	relays   *prometheus.GaugeVec
	asks     prometheus.Gauge
	drained  prometheus.Gauge
	pending  prometheus.Gauge
	token    prometheus.Gauge
}

func newMetrics(rules []Rule) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_health_" + name, Help: help})
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_health_" + name, Help: help}, labels)
	}
	m := &metrics{
		standing: gauges("rule_standing", "1 while a rule stands, by rule and by the node that it is about: a neighbour, or itself.", "rule", "subject"),
		unknown:  gauges("signal_unknown", "1 while what a rule looks at is not known.", "rule", "subject"),
		raised: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_health_rules_raised_total",
			Help: "How often a rule was raised."}, []string{"rule"}),
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_health_actions_total",
			Help: "Actions, and what came of them: done, failed, refused by the budget, or dry: only said."}, []string{"action", "outcome"}),
		relays:  gauges("relay_failed", "1 for a neighbour whose relay was moved and whose current did not change.", "subject"),
		asks:    gauge("part_needed", "1 while a rule stands that needs a new part: a card, a fan, a supply, a cable."),
		drained: gauge("drained", "1 while the node is out of service."),
		pending: gauge("journal_pending", "Entries of the journal that the store did not take yet."),
		token:   gauge("budget_token", "The last fencing token that the node had, 0 for none."),
	}
	for _, r := range rules {
		m.raised.WithLabelValues(r.Name)
	}
	for _, a := range actions() {
		for _, o := range []string{outcomeDone, outcomeFailed, outcomeRefused, outcomeDry} {
			m.actions.WithLabelValues(string(a), o)
		}
	}
	return m
}

// see takes how the rules stand.
func (m *metrics) see(me string, all []Standing) {
	for _, s := range all {
		s.Subject = cmp.Or(s.Subject, me)
		m.standing.WithLabelValues(s.Rule.Name, s.Subject).Set(float64(truth(s.Stands)))
		m.unknown.WithLabelValues(s.Rule.Name, s.Subject).Set(float64(truth(!s.Known)))
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.standing, m.unknown, m.raised, m.actions, m.relays, m.asks, m.drained, m.pending, m.token}
}

// Describe is for prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(to)
	}
}

// Collect is for prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(to)
	}
}
