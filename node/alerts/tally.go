package alerts

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Tier names the metrics by which the requests of a tier are counted.
type Tier struct {
	Name     string
	Requests string                         // a counter
	Failed   func(labels model.Metric) bool // which of its series count failures that are the cloud's fault
	Seconds  string                         // a histogram, in seconds
}

// TierTotal is what a tier did since the monitor began, over all nodes and their restarts. What a node did between the last
// look at it and its end is not in it.
type TierTotal struct {
	Name     string        `json:"name"`
	Requests int64         `json:"requests"`
	Errors   int64         `json:"errors"`
	P50      time.Duration `json:"p50"` // ns, within the histogram's buckets
	P99      time.Duration `json:"p99"`
}

// tally adds up what counters rise by, although nodes that start again begin at zero.
type tally struct {
	tiers []Tier
	last  map[string]float64 // by target and series
	sums  []tierSums
}

type tierSums struct {
	requests, errors float64
	buckets          map[float64]float64 // by upper bound, cumulative
}

func newTally(tiers []Tier) *tally {
	t := &tally{tiers: tiers, last: map[string]float64{}, sums: make([]tierSums, len(tiers))}
	for i := range t.sums {
		t.sums[i].buckets = map[float64]float64{}
	}
	return t
}

// wants says whether series of a name are counted.
func (t *tally) wants(name string) bool {
	return slices.ContainsFunc(t.tiers, func(tier Tier) bool { return name == tier.Requests || name == tier.Seconds+"_bucket" })
}

// add takes what a node says of itself.
func (t *tally) add(target string, said model.Vector) {
	for _, sample := range said {
		name := string(sample.Metric[model.MetricNameLabel])
		for i := range t.tiers {
			tier, sums := &t.tiers[i], &t.sums[i]
			if name != tier.Requests && name != tier.Seconds+"_bucket" {
				continue
			}
			rise := t.rise(target+sample.Metric.String()+tier.Name, float64(sample.Value))
			if name != tier.Requests {
				bound, err := strconv.ParseFloat(string(sample.Metric[model.BucketLabel]), 64)
				if err == nil {
					sums.buckets[bound] += rise
				}
				continue
			}
			sums.requests += rise
			if tier.Failed(sample.Metric) {
				sums.errors += rise
			}
		}
	}
}

// Totals returns what the samples of one node say that tiers did since the node began.
func Totals(tiers []Tier, said model.Vector) []TierTotal {
	t := newTally(tiers)
	t.add("", said)
	return t.totals()
}

// rise returns by how much a counter has risen since the last look at it.
func (t *tally) rise(key string, now float64) float64 {
	before := t.last[key]
	t.last[key] = now
	if now < before {
		return now // it has begun again
	}
	return now - before
}

// totals returns what all tiers did, in their order.
func (t *tally) totals() []TierTotal {
	all := make([]TierTotal, len(t.tiers))
	for i := range t.tiers {
		s := &t.sums[i]
		all[i] = TierTotal{Name: t.tiers[i].Name, Requests: int64(s.requests), Errors: int64(s.errors),
			P50: quantile(s.buckets, 0.5), P99: quantile(s.buckets, 0.99)}
	}
	return all
}

// quantile estimates a quantile as Prometheus' histogram_quantile does: values are taken to lie evenly in their bucket, and
// those above the last bound at it.
func quantile(buckets map[float64]float64, q float64) time.Duration {
	bounds := make([]float64, 0, len(buckets))
	for bound := range buckets {
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	if len(bounds) < 2 || !math.IsInf(bounds[len(bounds)-1], 1) {
		return 0
	}
	rank := q * buckets[bounds[len(bounds)-1]]
	lower, below := 0.0, 0.0
	for _, bound := range bounds {
		count := buckets[bound]
		if count >= rank && count > 0 {
			if math.IsInf(bound, 1) {
				return seconds(lower)
			}
			return seconds(lower + (bound-lower)*(rank-below)/max(count-below, 1e-9))
		}
		lower, below = bound, count
	}
	return 0
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// ServerErrors tells of a series with the label status whether it counts answers with 5xx.
func ServerErrors(labels model.Metric) bool { return strings.HasPrefix(string(labels["status"]), "5") }
