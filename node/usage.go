package node

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/host"
)

// usage exports what the machine has used.
type usage struct {
	meter host.Meter
	log   *slog.Logger
	all   []usageMetric
}

// usageMetric is one figure and how it is read.
type usageMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*host.Usage) float64
}

func newUsage(h *host.Host) *usage {
	u := &usage{meter: h.Meter, log: h.Log}
	add := func(name, help string, kind prometheus.ValueType, read func(*host.Usage) float64) {
		u.all = append(u.all, usageMetric{prometheus.NewDesc("picloud_host_"+name, help, nil, nil), kind, read})
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	add("cpu_seconds_total", "Core time that the machine has used.", counter, func(u *host.Usage) float64 { return u.CPU.Seconds() })
	add("memory_used_bytes", "Memory that programs hold.", gauge, func(u *host.Usage) float64 { return float64(u.MemoryUsed) })
	add("memory_limit_bytes", "Memory that there is; 0 if there is no limit.", gauge, func(u *host.Usage) float64 { return float64(u.MemoryLimit) })
	add("disk_free_bytes", "Room that is left on the disk.", gauge, func(u *host.Usage) float64 { return float64(u.DiskFree) })
	add("disk_total_bytes", "Size of the disk.", gauge, func(u *host.Usage) float64 { return float64(u.DiskTotal) })
	add("network_sent_bytes_total", "Bytes that were sent.", counter, func(u *host.Usage) float64 { return float64(u.NetworkSent) })
	add("network_received_bytes_total", "Bytes that were received.", counter, func(u *host.Usage) float64 { return float64(u.NetworkReceived) })
	return u
}

// Describe is for prometheus.Collector.
func (u *usage) Describe(to chan<- *prometheus.Desc) {
	for i := range u.all {
		to <- u.all[i].desc
	}
}

// Collect is for prometheus.Collector. A machine that does not say what it used has no figures: a zero would be
// taken for one.
func (u *usage) Collect(to chan<- prometheus.Metric) {
	used, err := u.meter.Usage()
	if err != nil {
		u.log.Warn("the machine does not say what it has used", "error", err.Error())
		return
	}
	for i := range u.all {
		m := &u.all[i]
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.read(&used))
	}
}

var _ prometheus.Collector = (*usage)(nil)
