package alerts

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// maxBody bounds what a node may say of itself.
const maxBody = 8 << 20

// target is a node whose metrics are looked at.
type target struct {
	url    string
	labels labels.Labels // that its samples get
	series map[*series]bool
	took   time.Duration // until it answered, or was given up, when it was last asked
}

func newTarget(machine, address string) *target {
	return &target{url: "http://" + address + "/metrics", labels: labels.FromStrings("job", "picloud", "instance", machine)}
}

// ask returns what a node says of itself.
func (t *target) ask(ctx context.Context, c *http.Client, wants func(name string) bool) (model.Vector, error) {
	began := time.Now()
	defer func() { t.took = time.Since(began) }()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	response, err := c.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", t.url, response.Status)
	}
	v, err := samples(io.LimitReader(response.Body, maxBody), wants)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of %s: %w", t.url, err)
	}
	return v, nil
}

// samples reads Prometheus' text format and returns the samples of the metrics that are wanted.
func samples(text io.Reader, wants func(name string) bool) (model.Vector, error) {
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(text)
	if err != nil {
		return nil, err
	}
	var all model.Vector
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !slices.ContainsFunc([]string{"", "_bucket", "_sum", "_count"}, func(part string) bool { return wants(name + part) }) {
			continue
		}
		some, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, families[name])
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// scraped puts what a node said, or that it said nothing, into the window. The series that it had and has no
// more end.
func (t *target) scraped(w *window, said model.Vector, failed error, now time.Time) {
	before := t.series
	t.series = map[*series]bool{}
	for _, sample := range said {
		b := labels.NewBuilder(t.labels)
		for name, value := range sample.Metric {
			b.Set(string(name), string(value))
		}
		if s := w.add(b.Labels(), now, float64(sample.Value)); s != nil {
			t.series[s] = true
		}
	}
	endGone(before, t.series, now)
	up := 1.0
	if failed != nil {
		up = 0
	}
	own := func(name string, v float64) {
		b := labels.NewBuilder(t.labels)
		b.Set(model.MetricNameLabel, name)
		w.add(b.Labels(), now, v)
	}
	own("up", up)
	own("scrape_duration_seconds", t.took.Seconds()) // as every Prometheus has it
}
