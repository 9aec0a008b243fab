package node

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"picloud/node/alerts"
)

//go:embed status.html
var statusText string

// statusPath is where people see what a node is and does.
const statusPath = "/status"

// status is what the page for people shows.
type status struct {
	Name, Cloud string
	Roles       []string
	Monitor     bool
	Alerts      []alerts.Alert // of a monitor
	Tiers       []alerts.TierTotal
	Parts       []statusPart
}

// statusPart is the metrics of one part of the node.
type statusPart struct {
	Name    string
	Metrics []statusMetric
}

type statusMetric struct {
	Name, Help string
	Value      string // of a metric that has no labels
	Series     []statusSeries
	Zero       int // series with labels that are not shown as they are 0
}

type statusSeries struct{ Labels, Value string }

// serveStatus returns the page for people. It needs no script, and nothing but itself.
func (n *node) serveStatus() http.Handler {
	page := template.Must(template.New("status").Funcs(template.FuncMap{
		"about":   func(a alerts.Alert) string { return strings.TrimPrefix(a.Title(), a.Name) },
		"date":    func(t time.Time) string { return t.UTC().Format(time.DateTime) },
		"rounded": rounded,
		"label":   func(a alerts.Alert, name string) string { return a.Labels[name] },
	}).Parse(statusText))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		families, err := n.metrics.Gather()
		if err != nil {
			n.host.Log.Warn("some metrics are not there", "error", err.Error()) // those that are there are shown
		}
		var text bytes.Buffer
		if err := page.Execute(&text, n.status(families)); err != nil {
			n.host.Log.Error("the status page was not made", "error", err.Error())
			http.Error(w, "the page was not made", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(text.Bytes()) // a client that went away has no use for the error
	})
}

func (n *node) status(families []*dto.MetricFamily) *status {
	s := &status{Name: n.host.Name, Cloud: n.config.Cloud, Roles: n.config.roles(), Monitor: n.monitor != nil}
	if s.Monitor {
		s.Alerts = n.monitor.Active()
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, families...)
	if err == nil {
		s.Tiers = slices.DeleteFunc(alerts.Totals(tiers(), samples), func(t alerts.TierTotal) bool { return t.Requests == 0 })
	}
	for _, f := range families { // in the order of their names
		part, _, _ := strings.Cut(strings.TrimPrefix(f.GetName(), "picloud_"), "_")
		if len(s.Parts) == 0 || s.Parts[len(s.Parts)-1].Name != part {
			s.Parts = append(s.Parts, statusPart{Name: part})
		}
		last := &s.Parts[len(s.Parts)-1]
		last.Metrics = append(last.Metrics, shownMetric(f))
	}
	return s
}

// roles returns the roles that a node has.
func (c *Config) roles() (all []string) {
	for _, role := range []struct {
		name string
		has  bool
	}{{"store", c.Store != nil}, {"database", c.DB != nil}, {"load balancer", c.LB != nil}, {"cache", c.Cache != nil},
		{"queues", c.Queue != nil}, {"functions", c.Lambda != nil}, {"abuse protection", c.Abuse != nil}, {"proof of its processor", c.Proof != nil}, {"monitor", c.Monitor != nil}, {"health", c.Health != nil}} {
		if role.has {
			all = append(all, role.name)
		}
	}
	for i := range c.Apps {
		all = append(all, "application "+c.Apps[i].Name)
	}
	return all
}

func shownMetric(f *dto.MetricFamily) statusMetric {
	m := statusMetric{Name: f.GetName(), Help: f.GetHelp()}
	for _, one := range f.GetMetric() {
		var labels []string
		for _, l := range one.GetLabel() {
			labels = append(labels, l.GetName()+"="+l.GetValue())
		}
		value := measured(f.GetName(), one.GetCounter().GetValue()+one.GetGauge().GetValue())
		if h := one.GetHistogram(); h != nil {
			if value = "0"; h.GetSampleCount() > 0 {
				value = fmt.Sprintf("%d, on average %s", h.GetSampleCount(), measured(f.GetName(), h.GetSampleSum()/float64(h.GetSampleCount())))
			}
		}
		if len(labels) == 0 {
			m.Value = value
			continue
		}
		if value == "0" && f.GetType() != dto.MetricType_GAUGE {
			m.Zero++
			continue
		}
		m.Series = append(m.Series, statusSeries{strings.Join(labels, " "), value})
	}
	return m
}

// rounded returns a time without the digits that nobody reads.
func rounded(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(100 * time.Nanosecond)
}

// measured returns a value in the unit that a metric's name ends with.
func measured(name string, v float64) string {
	name = strings.TrimSuffix(name, "_total")
	switch {
	case strings.HasSuffix(name, "time_seconds") && v > 1e9:
		return time.UnixMilli(int64(v*1000)).UTC().Format(time.DateTime) + " UTC"
	case strings.HasSuffix(name, "_seconds") && v != 0:
		return rounded(time.Duration(v * float64(time.Second))).String()
	case strings.HasSuffix(name, "_bytes") && v >= 1024:
		unit := 0
		for ; v >= 1024 && unit < len("KMGT"); unit++ {
			v /= 1024
		}
		return fmt.Sprintf("%.1f %ciB", v, "KMGT"[unit-1])
	case v == float64(int64(v)):
		return fmt.Sprint(int64(v))
	}
	return fmt.Sprintf("%.4g", v)
}
