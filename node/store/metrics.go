package store

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on the store, in Prometheus' format.
func AlertRules() string { return alertRules }

// metrics is what a node counts while it serves.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	writes   prometheus.Histogram
	yields   *prometheus.CounterVec
	damage   prometheus.Gauge
}

func newMetrics() metrics {
	return metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_store_requests_total",
			Help: "Requests that were answered, by method and by the kind of the error, ok if there was none."}, []string{"method", "kind"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_store_request_seconds",
			Help: "Time that requests took, by method.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}, []string{"method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_store_requests_in_flight",
			Help: "Requests under way, watches among them."}),
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "picloud_store_log_write_seconds",
			Help: "Time that writes to the groups' logs took, with their syncs.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}),
		yields: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_store_yields_total",
			Help: "How often a leader handed over its lead after a slow write, or could not."}, []string{"outcome"}),
		damage: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_store_damage_found",
			Help: "1 if the node began with a disk on which damage was found, by it or by the process before it."}),
	}
}

// wrote counts a write to a log.
func (m *metrics) wrote(took time.Duration) { m.writes.Observe(took.Seconds()) }

// yielded counts an attempt to hand over a lead.
func (m *metrics) yielded(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.yields.WithLabelValues(outcome).Inc()
}

// collectors returns what is counted.
func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.seconds, m.inFlight, m.writes, m.yields, m.damage}
}

// outcome returns the label for an error.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(api.KindOf(err))
}

// What a node says of each group that it has a member of, when it is asked.
func groupMetric(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("picloud_store_group_"+name, help, []string{"group"}, nil)
}

// describe returns the descriptions of a group's metrics and how each is read.
func describe() []groupGauge {
	return []groupGauge{
		{groupMetric("leader", "1 if this node takes itself for the group's leader."), func(g *Group) float64 { return truth(g.Leads()) }},
		{groupMetric("has_leader", "1 if this node knows who leads the group."), func(g *Group) float64 {
			_, leader := g.raft.LeaderWithID()
			return truth(leader != "")
		}},
		{groupMetric("term", "The group's term."), func(g *Group) float64 { return float64(g.Term()) }},
		{groupMetric("applied_index", "The last entry that was applied here."), func(g *Group) float64 {
			index, _ := g.state.Applied()
			return float64(index)
		}},
		{groupMetric("commit_index", "The last entry that is known to be committed."), func(g *Group) float64 { return float64(g.raft.CommitIndex()) }},
		{groupMetric("revision", "The group's revision here."), func(g *Group) float64 {
			last, _ := g.state.Revision()
			return float64(last)
		}},
		{groupMetric("voters", "Members that vote, as far as this node knows."), func(g *Group) float64 {
			m, err := g.members()
			if err != nil {
				return 0
			}
			return float64(len(m.Voters))
		}},
	}
}

type groupGauge struct {
	desc *prometheus.Desc
	read func(*Group) float64
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe is for prometheus.Collector.
func (s *Store) Describe(to chan<- *prometheus.Desc) {
	for _, g := range s.gauges {
		to <- g.desc
	}
	for _, c := range s.metrics.collectors() {
		c.Describe(to)
	}
}

// Collect is for prometheus.Collector.
func (s *Store) Collect(to chan<- prometheus.Metric) {
	for _, g := range s.all() {
		for _, gauge := range s.gauges {
			to <- prometheus.MustNewConstMetric(gauge.desc, prometheus.GaugeValue, gauge.read(g), fmt.Sprint(g.config.Number))
		}
	}
	for _, c := range s.metrics.collectors() {
		c.Collect(to)
	}
}

var _ prometheus.Collector = (*Store)(nil)
