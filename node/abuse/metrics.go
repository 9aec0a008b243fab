package abuse

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"picloud/node/api"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on abuse protection, in Prometheus' format.
func AlertRules() string { return alertRules }

// Failed tells of a series of requests whether it counts those that the tier could not do.
func Failed(labels model.Metric) bool {
	return slices.Contains([]string{string(api.Unavailable), string(api.Unknown), string(api.Internal), string(api.Damaged)}, string(labels["outcome"]))
}

type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	verdicts  *prometheus.CounterVec
	condemned *prometheus.CounterVec
	forgotten prometheus.Counter
	made      *prometheus.CounterVec
	labels    *prometheus.CounterVec
	against   *prometheus.CounterVec
	unread    prometheus.Counter

	rulesAge, listed, learned, threshold *prometheus.Desc

	mu      sync.Mutex
	sources map[string]bool // that have a series of their own
}

// mostSources is how many sources of labels have series of their own, of all tenants; the others share one.
const mostSources = 32

func newMetrics() *metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_abuse_" + name, Help: help}, labels)
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_abuse_" + name, Help: help})
	}
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("picloud_abuse_"+name, help, labels, nil)
	}
	m := &metrics{
		requests: counters("requests_total", "Requests by what was asked (judge, offence) and how they ended: ok, or the kind of the error.", "verb", "outcome"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "picloud_abuse_request_seconds", Help: "Time that requests took, by what was asked.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 3, 8)}, []string{"verb"}),
		verdicts:  counters("verdicts_total", "Events that were judged, by tenant, what somebody wanted, what was decided and why.", "tenant", "what", "decision", "reason"),
		condemned: counters("condemned_total", "Addresses from which nothing more is taken for a while.", "tenant"),
		forgotten: counter("forgotten_harms_total", "Offences that were not written down, as too many waited."),
		made:      counters("models_made_total", "Models that were made anew of all labels, as one was taken back or a source is distrusted.", "tenant"),
		labels:    counters("labels_total", "Labels that were learned as they came, by source.", "tenant", "source"),
		against:   counters("labels_against_total", "Of these, the labels that say the opposite of what the model was sure of.", "tenant", "source"),
		unread:    counter("unread_rows_total", "Rows of rules that nobody can read."),

		rulesAge:  gauge("rules_age_seconds", "How old the rules may be by which is judged.", "tenant"),
		listed:    gauge("listed", "Entries of a list.", "tenant", "list"),
		learned:   gauge("learned_labels", "Labels that the model is made of.", "tenant", "label"),
		threshold: gauge("threshold", "The score from which on a text is blocked, or unsure, in millionths; none while there are too few labels.", "tenant", "of"),
		sources:   map[string]bool{},
	}
	for _, verb := range []string{"judge", "offence"} {
		m.requests.WithLabelValues(verb, "ok")
		m.seconds.WithLabelValues(verb)
	}
	return m
}

// expect makes the counters of a tenant that alerts look at begin at 0, so that their first rise is seen.
func (m *metrics) expect(tenant string) {
	m.condemned.WithLabelValues(tenant)
	for _, reason := range []Reason{ByReputation, ByLink, ByPicture, ByText} {
		m.verdicts.WithLabelValues(tenant, string(Post), string(Refuse), string(reason))
	}
	m.verdicts.WithLabelValues(tenant, string(Post), string(Quarantine), string(ByText))
}

func (m *metrics) register(r prometheus.Registerer, s *Server) error {
	var err error
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.verdicts, m.condemned, m.forgotten, m.made, m.labels, m.against, m.unread, s} {
		err = errors.Join(err, r.Register(c))
	}
	if err != nil {
		return fmt.Errorf("abuse: register metrics: %w", err)
	}
	return nil
}

func (m *metrics) served(verb string, err error, took time.Duration) {
	outcome := "ok"
	if err != nil {
		outcome = string(api.KindOf(err))
	}
	m.requests.WithLabelValues(verb, outcome).Inc()
	m.seconds.WithLabelValues(verb).Observe(took.Seconds())
}

func (m *metrics) judged(e *Event, v *Verdict) {
	m.verdicts.WithLabelValues(e.Tenant, string(e.What), string(v.Decision), string(v.Reason)).Inc()
}

// labelled counts a label that came, and whether it says the opposite of what the model was sure of.
func (m *metrics) labelled(tenant, source string, against bool) {
	m.mu.Lock()
	if known := m.sources[source]; !known && len(m.sources) >= mostSources {
		source = "others"
	} else {
		m.sources[source] = true
	}
	m.mu.Unlock()
	source = strings.ToValidUTF8(source, "?")
	m.labels.WithLabelValues(tenant, source).Inc()
	if c := m.against.WithLabelValues(tenant, source); against {
		c.Inc()
	}
}

// Describe tells Prometheus what Collect collects.
func (s *Server) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.metrics.rulesAge, s.metrics.listed, s.metrics.learned, s.metrics.threshold} {
		c <- d
	}
}

// Collect tells what the server knows of each tenant.
func (s *Server) Collect(c chan<- prometheus.Metric) {
	for _, t := range s.tenants {
		gauge := func(d *prometheus.Desc, value float64, labels ...string) {
			c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{t.Name}, labels...)...)
		}
		if current := t.mirror.Current(); !current.IsZero() {
			gauge(s.metrics.rulesAge, time.Since(current).Seconds())
		}
		links, pictures := t.lists.size()
		gauge(s.metrics.listed, float64(links), string(Links))
		gauge(s.metrics.listed, float64(pictures), string(Pictures))
		honest, spam, thresholds := t.texts.size()
		gauge(s.metrics.learned, float64(honest), "ham")
		gauge(s.metrics.learned, float64(spam), "spam")
		for of, score := range map[string]int64{"block": thresholds.Block, "unsure": thresholds.Unsure} {
			if score < maxScore {
				gauge(s.metrics.threshold, float64(score), of)
			}
		}
	}
}

// listAges says how old an application's lists may be.
type listAges struct{ client *Client }

var listAge = prometheus.NewDesc("picloud_abuse_client_lists_age_seconds", "How old the lists may be that what is shown is compared with.", []string{"tenant"}, nil)

func (l *listAges) Describe(c chan<- *prometheus.Desc) { c <- listAge }

func (l *listAges) Collect(c chan<- prometheus.Metric) {
	for name, of := range l.client.tenants {
		if current := of.mirror.Current(); !current.IsZero() {
			c <- prometheus.MustNewConstMetric(listAge, prometheus.GaugeValue, time.Since(current).Seconds(), name)
		}
	}
}
