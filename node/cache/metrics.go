package cache

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"picloud/node/api"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on the cache, in Prometheus' format.
func AlertRules() string { return alertRules }

// Failed tells of a series of requests whether it counts those that the cache could not do.
func Failed(labels model.Metric) bool { return labels["outcome"] == readRefused }

type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	ages      prometheus.Histogram
	fills     *prometheus.CounterVec
	evictions prometheus.Counter
	changes   prometheus.Counter
	outdated  prometheus.Counter
	failures  *prometheus.CounterVec
	restarts  prometheus.Counter
	hot       prometheus.Counter

	bytes, most, entries, leases, partitions, feedAge, limit *prometheus.Desc
}

const outcomeMalformed = "malformed"

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_cache_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_cache_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("picloud_cache_"+name, help, labels, nil)
	}
	m := &metrics{
		requests: counters("requests_total", "Reads by how they ended: hit, waited (for what another client read), miss (the client got a lease), refused, malformed.", "outcome"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_cache_request_seconds",
			Help: "Time that reads took in the server, by how they ended.", Buckets: prometheus.ExponentialBuckets(0.00005, 4, 8)}, []string{"outcome"}),
		ages: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "picloud_cache_answer_age_seconds",
			Help: "How old answers may have been when they were given.", Buckets: []float64{.05, .1, .2, .3, .5, .75, 1, 1.5, 2, 5, 10}}),
		fills:     counters("fills_total", "What clients have offered of the store, by what became of it: taken, late, stale, large.", "outcome"),
		evictions: counter("evictions_total", "Entries that had to go, or did not come in, as the memory was full."),
		changes:   counter("changes_total", "Changes of followed partitions that the store has told."),
		outdated:  counter("invalidations_total", "Entries that a change has made old."),
		failures:  counters("feed_failures_total", "Calls for changes that failed, by the kind of the error.", "kind"),
		restarts:  counter("feed_restarts_total", "How often all that was kept of a group was forgotten, as its changes could not be followed on."),
		hot:       counter("hot_answers_total", "Answers that told the client to spread its reads of the item."),

		bytes:      gauge("bytes", "Bytes that entries take, with the index of them."),
		most:       gauge("most_bytes", "Bytes that they may take."),
		entries:    gauge("entries", "Answers that are kept."),
		leases:     gauge("leases", "Items that a client is reading of the store."),
		partitions: gauge("partitions", "Partitions whose changes are followed."),
		feedAge:    gauge("feed_age_seconds", "Time since the last call was sent that the leader of the group answered with all changes.", "group"),
		limit:      gauge("limit_seconds", "How old an answer may be."),
	}
	for _, what := range []string{readHit, readWaited, readMiss, readRefused, outcomeMalformed} {
		m.requests.WithLabelValues(what)
	}
	for _, what := range []string{fillTaken, fillLate, fillStale, fillLarge} {
		m.fills.WithLabelValues(what)
	}
	return m
}

func (m *metrics) register(r prometheus.Registerer, s *Server) error {
	var err error
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.ages, m.fills, m.evictions, m.changes, m.outdated, m.failures, m.restarts, m.hot, s} {
		err = errors.Join(err, r.Register(c))
	}
	if err != nil {
		return fmt.Errorf("cache: register metrics: %w", err)
	}
	return nil
}

func (m *metrics) malformed() { m.requests.WithLabelValues(outcomeMalformed).Inc() }

func (m *metrics) answered(what string, a *answer, took time.Duration) {
	m.requests.WithLabelValues(what).Inc()
	m.seconds.WithLabelValues(what).Observe(took.Seconds())
	if a.outcome == kept {
		m.ages.Observe(a.age.Seconds())
	}
	if a.hot {
		m.hot.Inc()
	}
}

func (m *metrics) heard(changes, old int) {
	m.changes.Add(float64(changes))
	m.outdated.Add(float64(old))
}

func (m *metrics) failed(err error) { m.failures.WithLabelValues(string(api.KindOf(err))).Inc() }

// Describe sends what Collect will send.
func (s *Server) Describe(to chan<- *prometheus.Desc) {
	m := s.metrics
	for _, d := range []*prometheus.Desc{m.bytes, m.most, m.entries, m.leases, m.partitions, m.feedAge, m.limit} {
		to <- d
	}
}

// Collect sends how much is kept, and how old it is.
func (s *Server) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, now := s.metrics, time.Now()
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	s.memory.endLate(now)
	gauge(m.bytes, float64(s.memory.bytes))
	gauge(m.most, float64(s.memory.most))
	gauge(m.entries, float64(s.memory.entries))
	gauge(m.leases, float64(s.memory.leases))
	gauge(m.partitions, float64(len(s.partitions)))
	gauge(m.limit, s.config.limit().Seconds())
	for _, group := range slices.Sorted(maps.Keys(s.feeds)) {
		if f := s.feeds[group]; !f.current.IsZero() {
			gauge(m.feedAge, now.Sub(f.current).Seconds(), strconv.Itoa(int(group)))
		}
	}
}
