package alerts

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// lookback is how old the last sample of a series may be for it to count, as in Prometheus.
const lookback = 5 * time.Minute

// window holds the latest samples of the series that rules look at, each as far back as they look.
//
// Invariants: the series of a name are sorted by their labels; the times of a series' samples rise.
type window struct {
	selectors []selector
	names     map[string][]*series
}

// series is the samples of one series.
type series struct {
	labels labels.Labels
	back   int64 // how far the samples go back, ms
	points []point
}

func newWindow(selectors []selector) *window {
	return &window{selectors, map[string][]*series{}}
}

// back returns how far back the rules look at a series, and whether any does.
func (w *window) back(l labels.Labels) (back time.Duration, wanted bool) {
	for i := range w.selectors {
		if s := &w.selectors[i]; s.matches(l) {
			back, wanted = max(back, s.back), true
		}
	}
	return back, wanted
}

// wants says whether a rule looks at series of a name.
func (w *window) wants(name string) bool {
	for i := range w.selectors {
		for _, m := range w.selectors[i].matchers {
			if m.Name == model.MetricNameLabel && m.Matches(name) {
				return true
			}
		}
	}
	return false
}

// add adds a sample, if a rule looks at its series, and returns that.
func (w *window) add(l labels.Labels, at time.Time, v float64) *series {
	name := l.Get(model.MetricNameLabel)
	all := w.names[name]
	i, found := slices.BinarySearchFunc(all, l, func(s *series, l labels.Labels) int { return labels.Compare(s.labels, l) })
	if !found {
		back, wanted := w.back(l)
		if !wanted {
			return nil
		}
		all = slices.Insert(all, i, &series{labels: l, back: (back + lookback).Milliseconds()})
		w.names[name] = all
	}
	all[i].add(at.UnixMilli(), v)
	return all[i]
}

func (s *series) add(at int64, v float64) {
	if n := len(s.points); n > 0 && s.points[n-1].t >= at {
		return
	}
	first := 0
	for first < len(s.points) && s.points[first].t < at-s.back {
		first++
	}
	s.points = append(s.points[first:], point{at, v}) // when it grows, what is before first is let go
}

// end says that there are no samples of a series from now on.
func (s *series) end(at time.Time) { s.add(at.UnixMilli(), math.Float64frombits(value.StaleNaN)) }

// endGone ends the series that were there before and are no more.
func endGone(before, present map[*series]bool, now time.Time) {
	for s := range before {
		if !present[s] {
			s.end(now)
		}
	}
}

// forget drops the series that have had no sample for as long as anybody looks back.
func (w *window) forget(now time.Time) {
	for name, all := range w.names {
		w.names[name] = slices.DeleteFunc(all, func(s *series) bool { return s.points[len(s.points)-1].t < now.UnixMilli()-s.back })
	}
}

// Querier is for storage.Queryable.
func (w *window) Querier(from, to int64) (storage.Querier, error) { return &querier{w, from, to}, nil }

type querier struct {
	window   *window
	from, to int64 // ms
}

// Select returns the series that match, sorted by their labels.
func (q *querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	sel := selector{matchers: matchers}
	found := &found{}
	for _, name := range q.window.named(matchers) {
		for _, s := range q.window.names[name] {
			if sel.matches(s.labels) {
				found.all = append(found.all, &storage.SeriesEntry{Lset: s.labels, SampleIteratorFn: q.iterator(s)})
			}
		}
	}
	slices.SortFunc(found.all, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return found
}

// named returns the names that may match, in any order.
func (w *window) named(matchers []*labels.Matcher) (names []string) {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return []string{m.Value}
		}
	}
	for name := range w.names {
		names = append(names, name)
	}
	return names
}

func (q *querier) iterator(s *series) func(chunkenc.Iterator) chunkenc.Iterator {
	first, _ := slices.BinarySearchFunc(s.points, q.from, compareTime)
	last, _ := slices.BinarySearchFunc(s.points, q.to+1, compareTime)
	return func(chunkenc.Iterator) chunkenc.Iterator {
		return storage.NewListSeriesIterator(points(s.points[first:last]))
	}
}

func (q *querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil // expressions do not ask
}

func (q *querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (q *querier) Close() error { return nil }

// found is for storage.SeriesSet.
type found struct {
	all []storage.Series
	at  int
}

func (f *found) Next() bool                        { f.at++; return f.at <= len(f.all) }
func (f *found) At() storage.Series                { return f.all[f.at-1] }
func (f *found) Err() error                        { return nil }
func (f *found) Warnings() annotations.Annotations { return nil }

// point is a sample: a time in ms since 1970 and a value.
type point struct {
	t int64
	f float64
}

func compareTime(p point, t int64) int { return int(max(-1, min(1, p.t-t))) }

func (p *point) T() int64                      { return p.t }
func (p *point) ST() int64                     { return 0 }
func (p *point) F() float64                    { return p.f }
func (p *point) H() *histogram.Histogram       { return nil }
func (p *point) FH() *histogram.FloatHistogram { return nil }
func (p *point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p *point) Copy() chunks.Sample           { c := *p; return &c }

type points []point

func (p points) Get(i int) chunks.Sample { return &p[i] }
func (p points) Len() int                { return len(p) }
