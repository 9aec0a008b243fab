package lb

import (
	_ "embed"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/mutant"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on the load balancer, in Prometheus' format.
func AlertRules() string { return alertRules }

type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	shed      *prometheus.CounterVec
	retries   *prometheus.CounterVec
	hedges    *prometheus.CounterVec
	ejections *prometheus.CounterVec
	away      *prometheus.CounterVec

	servers, inFlight, streams, room, waiting *prometheus.Desc // of pools, as they are when they are collected
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	m := &metrics{
		requests: counter("picloud_lb_requests_total", "Requests by service and the status of their answer.", "service", "status"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_lb_request_seconds",
			Help:    "How long requests took until their answer began.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"service"}),
		shed:      counter("picloud_lb_shed_total", "Requests that were refused because all servers were busy.", "service", "priority"),
		retries:   counter("picloud_lb_retries_total", "Second attempts: sent, over the budget, or without a server that has room.", "service", "outcome"),
		hedges:    counter("picloud_lb_hedges_total", "Reads that were sent twice as the first answer was late, and of how many the second answer came first.", "service", "outcome"),
		ejections: counter("picloud_lb_ejections_total", "Servers that were left out as they did worse than the others.", "service", "why"),
		away:      counter("picloud_lb_turned_away_total", "Requests that brought something from addresses from which nothing is taken, as too much harm came from them.", "service"),

		servers:  gauge("picloud_lb_servers", "Servers by state: in, down, ejected, draining.", "service", "state"),
		inFlight: gauge("picloud_lb_in_flight", "Requests that servers have.", "service"),
		streams:  gauge("picloud_lb_streams", "Requests whose bodies are sent, or whose answers are read, for long, and that take nobody's place.", "service"),
		room:     gauge("picloud_lb_room", "Requests that the servers that are in may have at a time.", "service"),
		waiting:  gauge("picloud_lb_waiting", "Requests that wait for a server.", "service"),
	}
	var err error
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.shed, m.retries, m.hedges, m.ejections, m.away} {
		err = errors.Join(err, registerer.Register(c))
	}
	return m, err
}

// What becomes of second attempts, as their metric says it.
const (
	retrySent       = "sent"
	retryOverBudget = "over budget"
	retryNoRoom     = "no room"
)

// errorStatuses are those that a balancer answers with by itself.
var errorStatuses = [...]string{"499", "500", "502", "503", "504"}

// expect makes the counters of a service that alerts look at begin at 0, so that their first rise is seen.
func (m *metrics) expect(service string) {
	for _, status := range errorStatuses {
		m.requests.WithLabelValues(service, status)
	}
	for _, outcome := range []string{retrySent, retryOverBudget, retryNoRoom} {
		m.retries.WithLabelValues(service, outcome)
	}
	for _, p := range priorities {
		m.shed.WithLabelValues(service, string(p))
	}
}

// observe notes a request.
func (m *metrics) observe(service string, status int, took time.Duration) {
	m.requests.WithLabelValues(service, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(service).Observe(took.Seconds())
}

// collect sends what a pool is like now.
func (p *pool) collect(to chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	count := map[string]int{stateDraining: 0, stateDown: 0, stateEjected: 0, stateIn: 0}
	inFlight, streams, room := 0, 0, 0
	for _, s := range p.servers {
		state := s.state(now)
		count[state]++
		inFlight += s.inFlight
		streams += s.streams
		if state == stateIn {
			room += s.room()
		}
	}
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), append([]string{p.service}, labels...)...)
	}
	if mutant.Planted == mutant.RuleCannotFire {
		delete(count, stateIn)
	}
	for state, n := range count {
		gauge(p.metrics.servers, n, state)
	}
	gauge(p.metrics.inFlight, inFlight)
	gauge(p.metrics.streams, streams)
	gauge(p.metrics.room, room)
	gauge(p.metrics.waiting, p.queue.length())
}
