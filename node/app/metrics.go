package app

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on applications, in Prometheus' format.
func AlertRules() string { return alertRules }

// Metrics are those of all applications of a node.
type Metrics struct {
	registerer prometheus.Registerer
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	inFlight   *prometheus.GaugeVec
	restarts   *prometheus.CounterVec
	panics     *prometheus.CounterVec
}

// NewMetrics registers the metrics of a node's applications.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		registerer: registerer,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_app_requests_total",
			Help: "Requests by application and the status of their answer."}, []string{"app", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_app_request_seconds", Help: "How long requests took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"app"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_app_requests_in_flight",
			Help: "Requests that are being served."}, []string{"app"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_app_restarts_total",
			Help: "How often a program or a background part has ended and was run again."}, []string{"app"}),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_app_panics_total",
			Help: "Requests and background parts that panicked."}, []string{"app"}),
	}
	var err error
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.inFlight, m.restarts, m.panics} {
		err = errors.Join(err, registerer.Register(c))
	}
	if err != nil {
		return nil, fmt.Errorf("app: register metrics: %w", err)
	}
	return m, nil
}

// metrics are those of one application.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  prometheus.Observer
	inFlight prometheus.Gauge
	restarts prometheus.Counter
	panics   prometheus.Counter
}

// errorStatuses are those that alerts look for. Their counters begin at 0, so that the first rise is seen.
var errorStatuses = [...]string{"500", "502", "503", "504"}

func (m *Metrics) of(app string) *metrics {
	for _, status := range errorStatuses {
		m.requests.WithLabelValues(app, status)
	}
	return &metrics{m.requests, m.seconds.WithLabelValues(app), m.inFlight.WithLabelValues(app), m.restarts.WithLabelValues(app), m.panics.WithLabelValues(app)}
}
