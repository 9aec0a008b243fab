package compare

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"picloud/scenarios/compare/load"
)

// Report is what a comparison found.
type Report struct {
	Name    string            `json:"name"`
	Machine Machine           `json:"machine"`
	About   map[string]string `json:"about"`
	Runs    []Run             `json:"runs"`   // in their order: a round is ours and the others' after it
	Ratios  []Ratio           `json:"ratios"` // of each round: ours to each of the others'
}

// Machine is where it was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// Ratio is a figure of ours divided by another one's, over all rounds.
type Ratio struct {
	To     string  `json:"to"` // the other
	Of     string  `json:"of"`
	Better string  `json:"better"` // which ratios are good: above or below 1
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func thisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = string(bytes.TrimSpace(b))
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
			}
		}
	}
	return m
}

// figure is something that is compared.
type figure struct {
	name, better string
	of           func(*load.Result) float64
}

func figures() []figure {
	const above, below = "above 1", "below 1"
	return []figure{
		{"requests per second", above, PerSecond},
		{"median", below, func(r *load.Result) float64 { return r.All.MedianMS }},
		{"p99", below, func(r *load.Result) float64 { return r.All.P99MS }},
		{"median of writes", below, func(r *load.Result) float64 { return r.Writes.MedianMS }},
		{"p99 of writes", below, func(r *load.Result) float64 { return r.Writes.P99MS }},
		{"median of reads", below, func(r *load.Result) float64 { return r.Reads.MedianMS }},
		{"p99 of reads", below, func(r *load.Result) float64 { return r.Reads.P99MS }},
		{"CPU per request", below, CPUPerRequest},
		{"disk bytes per byte", below, DiskPerByte},
	}
}

// PerSecond returns the requests that were answered in a second.
func PerSecond(r *load.Result) float64 { return float64(r.All.Count) / r.Seconds }

// CPUPerRequest returns the servers' CPU time for each request, in µs.
func CPUPerRequest(r *load.Result) float64 { return 1e6 * r.CPUSeconds / float64(max(1, r.All.Count)) }

// DiskPerByte returns how many bytes the servers had written for each byte that they acknowledged.
// Nothing was acknowledged where all requests read.
func DiskPerByte(r *load.Result) float64 {
	if r.Acked == 0 {
		return 0
	}
	return float64(r.DiskBytes) / float64(r.Acked)
}

// compare counts the ratios of rounds with so many runs.
func (r *Report) compare(contestants int) {
	for other := 1; other < contestants; other++ {
		for _, f := range figures() {
			var ratios []float64
			for i := 0; i+other < len(r.Runs); i += contestants {
				if theirs := f.of(&r.Runs[i+other].Result); theirs > 0 {
					ratios = append(ratios, f.of(&r.Runs[i].Result)/theirs)
				}
			}
			if len(ratios) == 0 || slices.Max(ratios) == 0 { // there were no reads, or no writes
				continue
			}
			slices.Sort(ratios)
			n := len(ratios)
			r.Ratios = append(r.Ratios, Ratio{r.Runs[other].Of, f.name, f.better, ratios[0], (ratios[(n-1)/2] + ratios[n/2]) / 2, ratios[n-1]})
		}
	}
}

// Head is the head of a table of runs.
const Head = "of          requests/s   writes: median  p99 ms   reads: median  p99 ms   µs of CPU  disk bytes/byte  failed"

// Row returns a run's row of it.
func Row(r Run) string {
	return fmt.Sprintf("%-10s %11.0f %16.2f %7.2f %15.2f %7.2f %11.0f %16.1f %7d", r.Of, PerSecond(&r.Result),
		r.Writes.MedianMS, r.Writes.P99MS, r.Reads.MedianMS, r.Reads.P99MS, CPUPerRequest(&r.Result), DiskPerByte(&r.Result), r.Failed)
}

// Table returns the ratios as text.
func (r *Report) Table() string {
	var b strings.Builder
	for i, x := range r.Ratios {
		if i == 0 || x.To != r.Ratios[i-1].To {
			fmt.Fprintf(&b, "%-21s %7s %7s %7s   good is\n", "ours / "+x.To, "min", "median", "max")
		}
		fmt.Fprintf(&b, "%-21s %7.2f %7.2f %7.2f   %s\n", x.Of, x.Min, x.Median, x.Max, x.Better)
	}
	return b.String()
}
