package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// descs are the descriptions of what is exported.
type descs struct {
	figures map[string]figure // by the names of quantities
	other   map[string]*prometheus.Desc
}

type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("picloud_hw_"+name, help, labels, nil)
}

func newDescs() descs {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	d := descs{figures: map[string]figure{}, other: map[string]*prometheus.Desc{}}
	for _, f := range []struct {
		quantity, name, help string
		kind                 prometheus.ValueType
		labels               []string
	}{
		{"temperature", "temperature_celsius", "How hot the processor is.", gauge, nil},
		{"clock", "clock_hertz", "The clock of the cores, measured.", gauge, nil},
		{"under-voltage", "under_voltage", "1 if the supply has sagged since the reading before.", gauge, nil},
		{"supply-voltage", "supply_volts", "The voltage of the board's supply.", gauge, nil},
		{"supply-current", "supply_amperes", "What the board draws.", gauge, nil},
		{"fan-duty", "fan_duty_ratio", "How fast the fan is to turn, as a part of its full speed.", gauge, nil},
		{"fan-speed", "fan_rpm", "Turns of the fan a minute.", gauge, nil},
		{"card-read-only", "card_read_only", "1 if nothing can be written to the card.", gauge, nil},
		{"card-errors", "card_errors_total", "Errors of the file system on the card, as long as that lives.", counter, nil},
		{"card-written", "card_written_bytes_total", "Bytes that were written to the file system on the card, as long as that lives.", counter, nil},
		{"link", "link_up", "1 if the wire is up.", gauge, nil},
		{"link-changes", "link_changes_total", "How often the wire went up or down.", counter, nil},
		{"link-speed", "link_bits_per_second", "The wire's speed.", gauge, nil},
		{"link-errors", "link_errors_total", "Frames that came with errors.", counter, nil},
		{"pressure-cpu", "pressure_cpu_seconds_total", "Time in which programs waited for a core.", counter, nil},
		{"pressure-io", "pressure_io_seconds_total", "Time in which programs waited for the disk.", counter, nil},
		{"neighbour-voltage", "neighbour_volts", "The voltage of another machine's supply.", gauge, []string{"machine"}},
		{"neighbour-current", "neighbour_amperes", "What another machine draws.", gauge, []string{"machine"}},
	} {
		d.figures[f.quantity] = figure{describe(f.name, f.help, f.labels...), f.kind}
	}
	for _, o := range []struct {
		name, help string
		labels     []string
	}{
		{"throttled", "1 if the firmware does this to the board now.", []string{"what"}},
		{"events_total", "How often this has begun since the node did.", []string{"what"}},
		{"known", "1 if the quantity is known.", []string{"quantity"}},
		{"expected", "1 if the board has what knows the quantity.", []string{"quantity"}},
		{"reading_age_seconds", "For how long the board has not been read.", nil},
		{"board_info", "1; the labels say what the board is.", []string{"model", "revision"}},
		{"max_clock_hertz", "The highest clock that the cores can have.", nil},
		{"soft_limit_celsius", "Where the board first lowers its clock.", nil},
		{"hard_limit_celsius", "Where the board throttles all it can.", nil},
	} {
		d.other[o.name] = describe(o.name, o.help, o.labels...)
	}
	return d
}

// Describe is for prometheus.Collector.
func (s *Sampler) Describe(to chan<- *prometheus.Desc) {
	for _, f := range s.descs.figures {
		to <- f.desc
	}
	for _, d := range s.descs.other {
		to <- d
	}
}

// Collect is for prometheus.Collector. It says what was read last, and does not read.
func (s *Sampler) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gauge := func(name string, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(s.descs.other[name], prometheus.GaugeValue, value, labels...)
	}
	for _, what := range happenings() {
		to <- prometheus.MustNewConstMetric(s.descs.other["events_total"], prometheus.CounterValue, float64(s.events[what]), what)
	}
	gauge("board_info", 1, s.info.Model, s.info.Revision)
	if s.info.MaxClock > 0 {
		gauge("max_clock_hertz", float64(s.info.MaxClock/physic.Hertz))
	}
	if s.info.HardLimit > 0 {
		gauge("soft_limit_celsius", float64((s.info.SoftLimit-physic.ZeroCelsius)/physic.Celsius))
		gauge("hard_limit_celsius", float64((s.info.HardLimit-physic.ZeroCelsius)/physic.Celsius))
	}
	if s.at.IsZero() { // it hangs from the beginning on, or has just begun
		gauge("reading_age_seconds", time.Since(s.began).Seconds())
		return
	}
	gauge("reading_age_seconds", time.Since(s.at).Seconds())
	if t, err := s.last.Throttling.Get(); err == nil {
		for _, w := range append(states(), state{underVoltage, hw.UnderVoltageNow}) {
			gauge("throttled", truth(t&w.bit != 0), w.name)
		}
	}
	s.collectQuantities(to, gauge)
}

func (s *Sampler) collectQuantities(to chan<- prometheus.Metric, gauge func(name string, value float64, labels ...string)) {
	for _, q := range s.last.Quantities() {
		gauge("known", truth(q.Err == nil), q.Label())
		gauge("expected", truth(q.Expected(s.info)), q.Label())
		if f, is := s.descs.figures[q.Name]; is && q.Err == nil {
			var labels []string
			if q.Machine != "" {
				labels = []string{q.Machine}
			}
			to <- prometheus.MustNewConstMetric(f.desc, f.kind, q.Figure, labels...)
		}
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

var _ prometheus.Collector = (*Sampler)(nil)
