package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// life exports when a node began and what it takes for the time.
func life() []prometheus.Collector {
	began := prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_node_start_time_seconds",
		Help: "When the node began, by its own wall clock, since 1970."})
	began.SetToCurrentTime()
	return []prometheus.Collector{began, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "picloud_node_time_seconds",
		Help: "What the node's wall clock shows, since 1970."}, func() float64 { return float64(time.Now().UnixMicro()) / 1e6 })}
}
