// Package metricstest reads metrics in tests.
package metricstest

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Sum returns the sum of a metric over the series that have all of some values in their labels; of a histogram it is
// how much was observed.
func Sum(t testing.TB, from prometheus.Gatherer, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			has := 0
			for _, label := range m.GetLabel() {
				if slices.Contains(labels, label.GetValue()) {
					has++
				}
			}
			if f.GetName() == name && has == len(labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}
