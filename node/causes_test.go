package node

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"picloud/node/alerts"
)

// TestAlertsNameTheMachineAtFault gives the rules what a monitor sees, every two seconds, of pi-1 at fault and of others that
// are well, and looks which alerts fire.
func TestAlertsNameTheMachineAtFault(t *testing.T) {
	type sight struct {
		series string // "name label=value ..."; the instance stands in it
		value  func(second int) float64
	}
	always := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	between := func(from, to int, in, out float64) func(int) float64 {
		return func(s int) float64 {
			if s >= from && s < to {
				return in
			}
			return out
		}
	}
	// card is what pi-1 counts of its writes, hundreds a second, of which one that ends at a second is slow.
	card := func(at int, up func(int) float64) []sight {
		all := func(s int) float64 { return float64(200 * s) }
		quick := func(s int) float64 { return all(s) - between(at, 100, 1, 0)(s) }
		const writes = "picloud_store_log_write_seconds_"
		return []sight{{"up instance=pi-1", up}, {writes + "count instance=pi-1", all}, {writes + "bucket instance=pi-1 le=0.004", quick},
			{writes + "bucket instance=pi-1 le=4.096", quick}, {writes + "bucket instance=pi-1 le=+Inf", all}}
	}
	for _, c := range []struct {
		name  string
		seen  []sight
		fires string
	}{
		{"a machine that is silent for six seconds", []sight{{"up instance=pi-1", between(10, 16, 0, 1)}, {"up instance=pi-2", always(1)}}, "NodeSilent pi-1"},
		{"one that misses two looks", []sight{{"up instance=pi-1", between(10, 14, 0, 1)}}, ""},
		{"one that is down for long", []sight{{"up instance=pi-1", between(10, 40, 0, 1)}}, "NodeDown pi-1, NodeSilent pi-1"},
		{"one that answers late", []sight{{"up instance=pi-1", always(1)}, {"scrape_duration_seconds instance=pi-1", between(10, 20, 0.5, 0.02)},
			{"scrape_duration_seconds instance=pi-2", always(0.02)}, {"up instance=pi-2", always(1)}}, "NodeSlow pi-1"},
		{"one late answer", []sight{{"up instance=pi-1", always(1)}, {"scrape_duration_seconds instance=pi-1", between(10, 12, 1.5, 0.02)}}, ""},
		{"no answer is not a late one", []sight{{"up instance=pi-1", between(10, 16, 0, 1)}, {"scrape_duration_seconds instance=pi-1", between(10, 16, 2, 0.02)}}, "NodeSilent pi-1"},
		{"a member that does not hear its leader", []sight{
			{"picloud_store_group_has_leader instance=pi-1 group=1", between(10, 20, 0, 1)}, {"picloud_store_group_has_leader instance=pi-2 group=1", always(1)},
			{"picloud_store_group_leader instance=pi-1 group=1", always(0)}, {"picloud_store_group_leader instance=pi-2 group=1", always(1)}}, "StoreMemberCutOff pi-1"},
		{"a group without a leader cuts nobody off", []sight{
			{"picloud_store_group_has_leader instance=pi-1 group=1", between(10, 30, 0, 1)}, {"picloud_store_group_has_leader instance=pi-2 group=1", between(10, 30, 0, 1)},
			{"picloud_store_group_leader instance=pi-1 group=1", always(0)}, {"picloud_store_group_leader instance=pi-2 group=1", between(10, 30, 0, 1)}}, "StoreGroupWithoutLeader "},
		{"a card that stalls", card(20, always(1)), "StoreCardStalls pi-1"},
		{"a machine that stands still, and its card with it", card(18, between(14, 18, 0, 1)), ""},
		{"a disk that was damaged", []sight{{"picloud_store_damage_found instance=pi-1", between(10, 100, 1, 0)}}, "StoreDamaged pi-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, err := Rules()
			if err != nil {
				t.Fatal(err)
			}
			e := alerts.NewEvaluator(rules)
			fired := map[string]bool{}
			for second := 0; second <= 46; second += 2 {
				now := time.Unix(int64(1000+second), 0)
				for _, s := range c.seen {
					words := strings.Fields(s.series)
					b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, words[0]))
					for _, word := range words[1:] {
						name, value, _ := strings.Cut(word, "=")
						b.Set(name, value)
					}
					e.Add(b.Labels(), now, s.value(second))
				}
				changes, err := e.Evaluate(context.Background(), now)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range changes {
					if a.State == alerts.Firing {
						fired[a.Name+" "+a.Labels["instance"]] = true
					}
				}
			}
			if got := strings.Join(slices.Sorted(maps.Keys(fired)), ", "); got != c.fires {
				t.Errorf("fired %q, want %q", got, c.fires)
			}
		})
	}
}
