package proof

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on processors that compute wrongly, in Prometheus' format.
func AlertRules() string { return alertRules }

type metrics struct {
	exams, examSeconds, sampled prometheus.Counter
	mismatches, verifications   *prometheus.CounterVec
	suspected, condemned        prometheus.Gauge
}

// By whom something was verified, and what came of it.
const (
	byNode    = "node"   // of another batch
	bySecond  = "second" // implementation
	agreed    = "agreed"
	corrected = "corrected" // what this node had computed was wrong, and two others agreed
	disagreed = "disagreed"
)

func newMetrics() *metrics {
	m := &metrics{
		exams:       prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_proof_exams_total", Help: "Exams of cores."}),
		examSeconds: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_proof_exam_seconds_total", Help: "Time that exams of cores took."}),
		sampled:     prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_proof_sampled_total", Help: "Hashes that were computed by both implementations."}),
		mismatches: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_proof_mismatches_total",
			Help: "Times that something was found to be computed wrongly, by what found it."}, []string{"by"}),
		verifications: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_proof_verifications_total",
			Help: "What was computed once more before it was acknowledged, by whom (node or second), and what came of it."}, []string{"by", "outcome"}),
		suspected: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_proof_suspected_cores", Help: "Cores that were wrong once."}),
		condemned: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_proof_condemned_cores", Help: "Cores that compute wrongly."}),
	}
	for _, by := range []string{byExam, bySample, byVerification, byLogin} {
		m.mismatches.WithLabelValues(by) // an alert looks at how they grow
	}
	for _, by := range []string{byNode, bySecond} {
		for _, outcome := range []string{agreed, corrected, disagreed} {
			m.verifications.WithLabelValues(by, outcome)
		}
	}
	return m
}

func (m *metrics) register(registerer prometheus.Registerer) (err error) {
	for _, c := range []prometheus.Collector{m.exams, m.examSeconds, m.sampled, m.mismatches, m.verifications, m.suspected, m.condemned} {
		err = errors.Join(err, registerer.Register(c))
	}
	if err != nil {
		return fmt.Errorf("proof: register metrics: %w", err)
	}
	return nil
}

func (m *metrics) verified(by, outcome string) { m.verifications.WithLabelValues(by, outcome).Inc() }
