package checks

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Patience is how long a request may take before whoever waits for it has felt something.
const Patience = time.Second

const (
	// goodShare is how many of a hundred requests of a second must go well for it not to be bad.
	goodShare = 95
	// joined is how many good seconds may lie between bad ones of one stretch, beside those in which nobody asked for anything: when
	// nothing is answered, everybody waits.
	joined = 2
	// It is a rush when so many times as many requests are made in a second, and so many of them at least, as in each of the seconds before.
	rushTimes, rushLeast, rushSeconds = 3, 10, 10
)

// Impact returns what clients felt from a time on. Requests that took longer than within are late.
func Impact(h history.History, from, within time.Duration) *reports.Impact {
	t := &toll{from: from, hit: map[int]bool{}, kinds: map[string]*reports.KindImpact{},
		Impact: reports.Impact{From: reports.Seconds(from), Within: reports.Seconds(within)}}
	for n := range h {
		if o := &h[n]; o.Call >= from && o.Wanted() {
			t.count(o, within)
		}
	}
	t.sum()
	return &t.Impact
}

// toll is an impact while it is counted.
type toll struct {
	reports.Impact
	from    time.Duration
	seconds []second
	took    []time.Duration // by requests that succeeded
	hit     map[int]bool    // by client
	kinds   map[string]*reports.KindImpact
}

type second struct{ all, harmed int }

func (t *toll) count(o *history.Operation, within time.Duration) {
	at := int((o.Call - t.from) / time.Second)
	for len(t.seconds) <= at {
		t.seconds = append(t.seconds, second{})
	}
	kind := string(o.Kind)
	if o.Kind == history.Use {
		kind = o.Use.Action
	}
	if t.kinds[kind] == nil {
		t.kinds[kind] = &reports.KindImpact{Kind: kind}
	}
	t.Requests++
	t.seconds[at].all++
	t.kinds[kind].Requests++
	harmed := true
	switch {
	case o.Outcome == history.Failed:
		t.Failed++
	case o.Outcome != history.OK:
		t.Unknown++
	case o.Latency() > within:
		t.Late++
	default:
		harmed = false
	}
	if o.Outcome == history.OK {
		t.took = append(t.took, o.Latency())
	}
	t.hit[o.Client] = t.hit[o.Client] || harmed
	if harmed {
		t.seconds[at].harmed++
		t.kinds[kind].Harmed++
	}
}

// sum adds up what was counted.
func (t *toll) sum() {
	t.Until = reports.Seconds(t.from + time.Duration(len(t.seconds))*time.Second)
	good := 0 // seconds since the last bad one
	for n, s := range t.seconds {
		if (s.all-s.harmed)*100 < s.all*goodShare {
			t.bad(t.from+time.Duration(n)*time.Second, s, good <= joined)
			good = 0
		} else if s.all > 0 {
			good++
			t.After += s.all
		}
	}
	for _, hit := range t.hit {
		t.Clients++
		if hit {
			t.Hit++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(t.kinds)) {
		if t.kinds[k].Harmed > 0 {
			t.Kinds = append(t.Kinds, *t.kinds[k])
		}
	}
	slices.SortStableFunc(t.Kinds, func(a, b reports.KindImpact) int {
		return cmp.Or(b.Harmed-a.Harmed, strings.Compare(a.Kind, b.Kind))
	})
	if len(t.took) > 0 {
		slices.Sort(t.took)
		t.P99 = reports.Seconds(t.took[len(t.took)*99/100])
	}
}

// bad counts a bad second, which may go on with the last stretch.
func (t *toll) bad(at time.Duration, s second, goesOn bool) {
	from, to := reports.Seconds(at), reports.Seconds(at+time.Second)
	t.Bad += to - from
	t.After = 0
	t.Recovery = to - t.From
	if len(t.Stretches) == 0 || !goesOn {
		t.Stretches = append(t.Stretches, reports.Stretch{From: from, Rush: t.rush(int((at - t.from) / time.Second))})
	}
	stretch := &t.Stretches[len(t.Stretches)-1]
	stretch.To = to
	stretch.Requests += s.all
	stretch.Harmed += s.harmed
}

// rush returns how many times as many requests as before were made in a second or shortly before it; zero if it was no rush.
func (t *toll) rush(second int) int {
	begun := max(0, second-joined)
	before := max(0, begun-rushSeconds)
	if before == begun {
		return 0
	}
	usual, most := 0, 0
	for _, s := range t.seconds[before:begun] {
		usual += s.all
	}
	for _, s := range t.seconds[begun : second+1] {
		most = max(most, s.all)
	}
	if times := most * (begun - before) / max(1, usual); times >= rushTimes && most >= rushLeast {
		return times
	}
	return 0
}
