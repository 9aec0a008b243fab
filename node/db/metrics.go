package db

import (
	_ "embed"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on the database, in Prometheus' format.
func AlertRules() string { return alertRules }

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	watchers prometheus.Gauge
	retries  prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_db_requests_total",
			Help: "Requests by protocol, operation and the kind of their error, ok for none."}, []string{"protocol", "operation", "kind"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_db_request_seconds",
			Help:    "How long requests took; change feeds are left out.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"protocol", "operation"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_db_requests_in_flight",
			Help: "Requests that are being served; change feeds are left out."}, []string{"protocol"}),
		watchers: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_db_watchers",
			Help: "Change feeds that are open."}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_db_optimistic_retries_total",
			Help: "Transactions that were tried again because another one came between reading and writing."}),
	}
	var err error
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.inFlight, m.watchers, m.retries} {
		err = errors.Join(err, registerer.Register(c))
	}
	return m, err
}

// doubtful are the kinds of errors after which nobody knows whether a request took effect, of which each one is an alert.
var doubtful = [...]api.Kind{api.Unknown, api.Replayed}

// observe notes a request with what came of it.
func (m *metrics) observe(protocol, operation string, took time.Duration, kind api.Kind) {
	if kind == "" {
		kind = "ok"
	}
	for _, k := range doubtful {
		m.requests.WithLabelValues(protocol, operation, string(k)) // it begins at 0, so that its first rise is seen
	}
	m.requests.WithLabelValues(protocol, operation, string(kind)).Inc()
	if operation != opChanges {
		m.seconds.WithLabelValues(protocol, operation).Observe(took.Seconds())
	}
}
