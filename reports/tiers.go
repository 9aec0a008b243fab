package reports

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Tier is what the servers of a tier did in a run.
type Tier struct {
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"` // that were the cloud's fault
	P50      Seconds `json:"p50"`    // of the time that a request took, estimated from a histogram
	P99      Seconds `json:"p99"`
}

// tierLines lists the tiers, with an empty line at the end. There are none for a run in which nobody counted.
func tierLines(tiers map[string]Tier) []string {
	if len(tiers) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("%-10s %10s %8s %10s %10s", "Tier", "requests", "errors", "p50", "p99")}
	for _, name := range slices.Sorted(maps.Keys(tiers)) {
		t := tiers[name]
		lines = append(lines, fmt.Sprintf("  %-8s %10d %8d %10s %10s", name, t.Requests, t.Errors, took(t.P50), took(t.P99)))
	}
	return append(lines, "")
}

// took puts the time of a request in two digits: a histogram knows no more.
func took(s Seconds) string {
	unit := time.Duration(1)
	for d := time.Duration(s); d >= 100; d /= 10 {
		unit *= 10
	}
	return time.Duration(s).Round(unit).String()
}

func (p *page) tiers(r *Result) {
	if len(r.Tiers) == 0 {
		return
	}
	p.WriteString("<section>\n<h2>Tiers</h2>\n<p class=\"soft\">What the monitor counted, over all nodes and their restarts.</p>\n" +
		"<div class=\"wide\">\n<table>\n<thead><tr><th>Tier</th><th class=\"number\">Requests</th><th class=\"number\">Errors</th>" +
		"<th class=\"number\">p50</th><th class=\"number\">p99</th></tr></thead>\n<tbody>\n")
	for _, name := range slices.Sorted(maps.Keys(r.Tiers)) {
		t := r.Tiers[name]
		p.put("<tr><td>%s</td><td class=\"number\">%d</td><td class=\"number\">%d</td><td class=\"number\">%s</td><td class=\"number\">%s</td></tr>\n",
			name, t.Requests, t.Errors, took(t.P50), took(t.P99))
	}
	p.WriteString("</tbody>\n</table>\n</div>\n</section>\n")
}
