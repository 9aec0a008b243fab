package lambda

import (
	_ "embed"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"picloud/node/queue"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on functions, in Prometheus' format.
func AlertRules() string { return alertRules }

// Failed tells of a series of picloud_lambda_runs_total whether it counts runs that failed.
func Failed(labels model.Metric) bool {
	switch string(labels["outcome"]) {
	case done, stopped, lost:
		return false
	}
	return true
}

// metrics are those of all functions of a node.
type metrics struct {
	runs      *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	inFlight  *prometheus.GaugeVec
	limit     *prometheus.GaugeVec
	stuck     *prometheus.GaugeVec
	late      *prometheus.CounterVec
	conflicts *prometheus.CounterVec

	nodeLimit        prometheus.Gauge
	askedInVain      prometheus.Counter
	failedHeartbeats prometheus.Counter
	instances        *prometheus.Desc // of services, as they are when they are collected
}

func newMetrics(limit int) *metrics {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_lambda_" + name, Help: help}, append([]string{"queue", "kind"}, more...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_lambda_" + name, Help: help}, []string{"queue", "kind"})
	}
	m := &metrics{
		runs: counter("runs_total", "Runs by function and how they ended. The kind ? stands for all that no function does.", "outcome"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_lambda_run_seconds", Help: "How long runs took, with writing their effect.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}}, []string{"queue", "kind"}),
		inFlight:  gauge("in_flight", "Runs that have not ended, and functions that have not returned."),
		limit:     gauge("limit", "Runs of a function that the node has at one time, at most."),
		stuck:     gauge("stuck", "Functions that have not returned although their run is over: they keep their room."),
		late:      counter("deadline_exceeded_total", "Runs that were over before their function returned, by their deadline."),
		conflicts: counter("effect_conflicts_total", "Effects that were not written as a condition of theirs did not hold: the function was run again."),

		nodeLimit: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_lambda_node_limit", Help: "Runs that the node has at one time, at most."}),
		askedInVain: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_lambda_asked_in_vain_seconds_total",
			Help: "How long queues were asked for jobs and none answered."}),
		failedHeartbeats: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_lambda_failed_heartbeats_total",
			Help: "How often the reservation of a job that is being run was not extended."}),
		instances: prometheus.NewDesc("picloud_lambda_instances", "Instances of a service to which jobs are pushed.", []string{"service"}, nil),
	}
	m.nodeLimit.Set(float64(limit))
	return m
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.runs, m.seconds, m.inFlight, m.limit, m.stuck, m.late, m.conflicts, m.nodeLimit, m.askedInVain, m.failedHeartbeats}
}

// unknownKind stands for all kinds that no function does: they must not all become series.
const unknownKind = "?"

// know returns the metrics of a function, which begin at 0 before its first run: of a counter that begins at 1 nobody sees the
// rise.
func (m *metrics) know(f *Function) *functionMetrics {
	m.limit.WithLabelValues(f.Queue, f.Kind).Set(float64(f.AtOnce))
	for _, outcome := range []string{done, failed, panicked, late, conflict, lost, stopped, unknown} {
		m.runs.WithLabelValues(f.Queue, f.Kind, outcome)
	}
	m.runs.WithLabelValues(f.Queue, unknownKind, noFunction)
	return m.with(f.Queue, f.Kind)
}

// functionMetrics are those of one function.
type functionMetrics struct {
	runs            *prometheus.CounterVec
	seconds         prometheus.Observer
	inFlight, stuck prometheus.Gauge
	late, conflicts prometheus.Counter
}

// of returns the metrics for a job; the function is nil if there is none.
func (m *metrics) of(f *function, job *queue.Job) *functionMetrics {
	if f == nil {
		return m.with(job.Queue, unknownKind)
	}
	return f.metrics
}

func (m *metrics) with(queue, kind string) *functionMetrics {
	labels := prometheus.Labels{"queue": queue, "kind": kind}
	return &functionMetrics{runs: m.runs.MustCurryWith(labels), seconds: m.seconds.With(labels), inFlight: m.inFlight.With(labels),
		stuck: m.stuck.With(labels), late: m.late.With(labels), conflicts: m.conflicts.With(labels)}
}

// ended notes how a run has ended.
func (m *functionMetrics) ended(outcome string, took time.Duration) {
	m.runs.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
	if outcome == late {
		m.late.Inc()
	}
}

// Describe is for prometheus.Collector.
func (s *Server) Describe(to chan<- *prometheus.Desc) {
	for _, c := range s.metrics.collectors() {
		c.Describe(to)
	}
	to <- s.metrics.instances
}

// Collect is for prometheus.Collector.
func (s *Server) Collect(to chan<- prometheus.Metric) {
	for _, c := range s.metrics.collectors() {
		c.Collect(to)
	}
	for service, n := range s.push.instances() {
		to <- prometheus.MustNewConstMetric(s.metrics.instances, prometheus.GaugeValue, float64(n), service)
	}
}

var _ prometheus.Collector = (*Server)(nil)
