package blob

import (
	_ "embed"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on blobs, in Prometheus' format.
func AlertRules() string { return alertRules }

type metrics struct {
	puts, putBytes, swept prometheus.Counter
	gets                  *prometheus.CounterVec
}

// newMetrics registers the metrics, or finds them registered by another store of the same application.
func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_blob_" + name, Help: help})
	}
	var errs [4]error
	m := &metrics{}
	m.puts, errs[0] = register(registerer, counter("puts_total", "Blobs that were put, whether their transaction came or not."))
	m.putBytes, errs[1] = register(registerer, counter("put_bytes_total", "Bytes of them."))
	m.swept, errs[2] = register(registerer, counter("swept_total", "Drafts whose transaction did not come, and that were swept."))
	m.gets, errs[3] = register(registerer, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_blob_gets_total",
		Help: "Reads of blobs: from where, or why not."}, []string{"outcome"}))
	for _, outcome := range []string{gotRead, gotFromStore, gotNothing, gotDamaged, gotFailed} {
		m.gets.WithLabelValues(outcome) // it begins at 0, so that its first rise is seen
	}
	return m, errors.Join(errs[:]...)
}

// How reads end, as their metric says it.
const (
	gotRead      = "read"
	gotFromStore = "read from the store"
	gotNothing   = "not found"
	gotDamaged   = "damaged"
	gotFailed    = "failed"
)

func register[C prometheus.Collector](registerer prometheus.Registerer, c C) (C, error) {
	err := registerer.Register(c)
	var is prometheus.AlreadyRegisteredError
	if errors.As(err, &is) {
		if before, same := is.ExistingCollector.(C); same {
			return before, nil
		}
	}
	return c, err
}

func (m *metrics) got(outcome string) { m.gets.WithLabelValues(outcome).Inc() }
