package reports

import (
	"slices"
	"time"
)

// Outcome is how an operation ended, for the timeline.
type Outcome uint8

// The outcomes.
const (
	OK Outcome = iota
	Failed
	Unknown
)

// Sample is one operation as the timeline sees it.
type Sample struct {
	At      time.Duration // when the client knew the outcome or gave up
	Latency time.Duration
	Outcome Outcome
}

// Second is what happened in one second. The latencies are of operations that are ok, in
// microseconds; they are zero when there are none.
type Second struct {
	OK       int   `json:"ok"`
	Failed   int   `json:"failed"`
	Unknown  int   `json:"unknown"`
	MedianUS int64 `json:"median_us"`
	P99US    int64 `json:"p99_us"`
	MaxUS    int64 `json:"max_us"`
}

// Timeline is a run second by second.
type Timeline []Second

// NewTimeline counts the samples of a run that ended at `end`.
func NewTimeline(samples []Sample, end time.Duration) Timeline {
	seconds := int((end + time.Second - 1) / time.Second)
	for _, s := range samples {
		seconds = max(seconds, int(s.At/time.Second)+1)
	}
	t := make(Timeline, seconds)
	latencies := make([][]int64, seconds)
	for _, s := range samples {
		i := int(s.At / time.Second)
		switch s.Outcome {
		case OK:
			t[i].OK++
			latencies[i] = append(latencies[i], s.Latency.Microseconds())
		case Failed:
			t[i].Failed++
		default:
			t[i].Unknown++
		}
	}
	for i, l := range latencies {
		if len(l) == 0 {
			continue
		}
		slices.Sort(l)
		t[i].MedianUS, t[i].P99US, t[i].MaxUS = quantile(l, 500), quantile(l, 990), l[len(l)-1]
	}
	return t
}

// quantile returns the smallest of the sorted values that a share of them, in thousandths, does
// not exceed.
func quantile(sorted []int64, thousandths int) int64 {
	return sorted[max(0, (len(sorted)*thousandths+999)/1000-1)]
}
