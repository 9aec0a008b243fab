package pinboard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"picloud/node/alerts"
)

// TestAlertsFireAndClear: cases wait for longer than a day; and nobody judges what is held, for a quarter of an hour.
func TestAlertsFireAndClear(t *testing.T) {
	for _, story := range []struct {
		name   string
		sample func(minute int) map[string]float64 // by series: a metric, or one with an outcome
		want   string
	}{
		{"nothing happens", func(int) map[string]float64 {
			return map[string]float64{"picloud_pinboard_oldest_case_seconds": 0, "picloud_pinboard_reviews_total allowed": 3, "picloud_pinboard_reviews_total undecided": 0}
		}, ""},
		{"a case waits", func(minute int) map[string]float64 {
			return map[string]float64{"picloud_pinboard_oldest_case_seconds": []float64{86000, 86401}[min(minute/10, 1)] * float64(1-minute/20)}
		}, "CasesWait firing, CasesWait resolved"},
		{"nobody judges", func(minute int) map[string]float64 {
			return map[string]float64{"picloud_pinboard_reviews_total undecided": float64(min(minute, 20)), "picloud_pinboard_reviews_total allowed": float64(max(0, minute-20))}
		}, "HeldPostsNotReviewed firing, HeldPostsNotReviewed resolved"},
		{"some are judged, and others not in time", func(minute int) map[string]float64 {
			return map[string]float64{"picloud_pinboard_reviews_total undecided": float64(minute), "picloud_pinboard_reviews_total allowed": float64(minute / 2)}
		}, ""},
	} {
		rules, err := alerts.Parse(alerts.File{Name: "pinboard", Text: []byte(AlertRules())})
		if err != nil {
			t.Fatal(err)
		}
		e := alerts.NewEvaluator(rules)
		var said []string
		for half := range 60 {
			at := time.Unix(1_700_000_000, 0).Add(time.Duration(half) * 30 * time.Second)
			for series, value := range story.sample(half / 2) {
				name, outcome, _ := strings.Cut(series, " ")
				e.Add(labels.FromStrings(model.MetricNameLabel, name, "outcome", outcome), at, value)
			}
			changes, err := e.Evaluate(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				if c.State != "pending" && c.State != "inactive" {
					said = append(said, fmt.Sprintf("%s %s", c.Name, c.State))
				}
			}
		}
		if got := strings.Join(said, ", "); got != story.want {
			t.Errorf("%s: %s", story.name, got)
		}
	}
}
