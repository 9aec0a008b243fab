package queue

import (
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on queues, in Prometheus' format.
func AlertRules() string { return alertRules }

type metrics struct {
	events   *prometheus.CounterVec
	ticks    *prometheus.CounterVec
	waited   *prometheus.HistogramVec
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	batch    prometheus.Histogram
	writes   prometheus.Histogram
	misses   prometheus.Counter
	resets   prometheus.Counter

	jobs       *prometheus.Desc
	oldest     *prometheus.Desc
	paused     *prometheus.Desc
	waiting    *prometheus.Desc
	partitions *prometheus.Desc
}

// What happens to jobs, as metrics name it.
const (
	jobEnqueued = "enqueued"
	jobReserved = "reserved"
	jobDone     = "done"
	jobFailed   = "failed"
	jobExpired  = "expired" // a reservation that was not ended in time
	jobLapsed   = "lapsed"  // a job that expired
	jobDead     = "dead"
)

func newMetrics() *metrics {
	of := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("picloud_queue_"+name, help, labels, nil)
	}
	return &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_queue_events_total",
			Help: "What has happened to jobs in the partitions that this server looks after, whoever did it."}, []string{"queue", "event"}),
		ticks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_queue_ticks_total", Help: "Jobs that schedules have enqueued."}, []string{"queue"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_queue_wait_seconds",
			Help:    "Time from when a server saw that a job is ready until it was being reserved.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 1800}}, []string{"queue"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_queue_requests_total",
			Help: "Requests by verb and by the kind of the error, ok if there was none."}, []string{"verb", "kind"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_queue_request_seconds",
			Help: "Time that requests took, by verb. Those to reserve wait for jobs.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}, []string{"verb"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_queue_requests_in_flight", Help: "Requests that are being served."}, []string{"verb"}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "picloud_queue_batch_moves",
			Help: "Changes of jobs that were made in one transaction.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64}}),
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "picloud_queue_write_seconds",
			Help: "Time that transactions took.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}),
		misses: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_queue_misses_total",
			Help: "Transactions that failed or found a job other than it was known to be."}),
		resets: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_queue_resets_total",
			Help: "How often the queues of a partition had to be read anew."}),
		jobs:       of("jobs", "Jobs of a queue in the partitions that this server looks after, by their state.", "queue", "state"),
		oldest:     of("oldest_ready_seconds", "Time since the server saw that the oldest ready job is ready.", "queue"),
		paused:     of("paused", "1 if the queue hands out nothing.", "queue"),
		waiting:    of("waiting", "Requests for jobs that wait for some.", "queue"),
		partitions: of("partitions", "Partitions of the queue that this server looks after.", "queue"),
	}
}

func (m *metrics) register(r prometheus.Registerer, s *Server) error {
	var err error
	for _, c := range []prometheus.Collector{m.events, m.ticks, m.waited, m.requests, m.seconds, m.inFlight, m.batch, m.writes, m.misses, m.resets, s} {
		err = errors.Join(err, r.Register(c))
	}
	if err != nil {
		return fmt.Errorf("queue: register metrics: %w", err)
	}
	return nil
}

// expect makes the counters of a queue that alerts look at begin at 0.
func (m *metrics) expect(queue string) {
	for _, event := range []string{jobEnqueued, jobReserved, jobDone, jobFailed, jobExpired, jobLapsed, jobDead} {
		m.events.WithLabelValues(queue, event)
	}
}

// happened counts what has happened to a job in one revision.
func (m *metrics) happened(ch *change) {
	count := func(event string) { m.events.WithLabelValues(ch.index.queue.Name, event).Inc() }
	if ch.job != nil && ch.job.Version == 1 {
		count(jobEnqueued)
	}
	switch {
	case ch.reserved:
		count(jobReserved)
	case ch.job != nil && ch.slept && ch.unmarked:
		count(jobFailed)
	case ch.gone == api.Removed && ch.dead:
		count(jobDead)
	case ch.gone == api.Removed:
		count(jobDone)
	case ch.gone == api.Expired:
		count(jobLapsed)
	case ch.expired:
		count(jobExpired)
	}
}

// wrote counts a transaction.
func (m *metrics) wrote(moves int, took time.Duration, missed bool) {
	m.batch.Observe(float64(moves))
	m.writes.Observe(took.Seconds())
	if missed {
		m.misses.Inc()
	}
}

// served counts a request.
func (m *metrics) served(verb string, took time.Duration, err error) {
	kind := "ok"
	if err != nil {
		kind = string(api.KindOf(err))
	}
	m.requests.WithLabelValues(verb, kind).Inc()
	m.seconds.WithLabelValues(verb).Observe(took.Seconds())
}

// Describe sends what Collect will send.
func (s *Server) Describe(to chan<- *prometheus.Desc) {
	m := s.metrics
	for _, d := range []*prometheus.Desc{m.jobs, m.oldest, m.paused, m.waiting, m.partitions} {
		to <- d
	}
}

// Collect sends what the queues are like now.
func (s *Server) Collect(to chan<- prometheus.Metric) {
	m := s.metrics
	for _, st := range s.stats() {
		gauge := func(d *prometheus.Desc, n float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, append([]string{st.Queue}, labels...)...)
		}
		gauge(m.jobs, float64(st.Ready), "ready")
		gauge(m.jobs, float64(st.Asleep), "asleep")
		gauge(m.jobs, float64(st.Reserved), "reserved")
		gauge(m.jobs, float64(st.Dead), "dead")
		gauge(m.oldest, float64(st.OldestMS)/1000)
		paused := 0.0
		if st.Paused {
			paused = 1
		}
		gauge(m.paused, paused)
		gauge(m.waiting, float64(st.Waiting))
		gauge(m.partitions, float64(st.Partitions))
	}
}
