package trial

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Pair is two runs of one seed.
type Pair struct {
	Seed          uint64
	With, Without Impact
}

// Trial is the runs of a scenario.
type Trial struct {
	Scenario string
	Defence  string // that was switched off in one run of each pair
	Pairs    []Pair
}

// The aims: how much better one of two figures is to be with the defence, and how much worse any may be.
const (
	better = 30 // percent
	worse  = 5
)

// Figure is one figure of a trial: its medians over all seeds.
type Figure struct {
	Name          string
	With, Without float64
}

// Change returns how much less it is with the defence, in percent; negative if it is more.
func (f Figure) Change() float64 {
	if f.Without == 0 {
		if f.With == 0 {
			return 0
		}
		return -100
	}
	return 100 * (f.Without - f.With) / f.Without
}

// Figures returns the medians over the seeds.
func (t *Trial) Figures() []Figure {
	seconds := func(of func(*Impact) time.Duration) func(*Impact) float64 {
		return func(i *Impact) float64 { return of(i).Seconds() }
	}
	var all []Figure
	for _, f := range []struct {
		name string
		of   func(*Impact) float64
	}{
		{"recovery time, s", seconds(func(i *Impact) time.Duration { return i.Recovery })},
		{"failed requests, per 1000", func(i *Impact) float64 { return 1000 * float64(i.Failed) / float64(max(i.Requests, 1)) }},
		{"bad seconds", seconds(func(i *Impact) time.Duration { return i.Bad })},
		{"p99, s", seconds(func(i *Impact) time.Duration { return i.P99 })},
		{"requests served", func(i *Impact) float64 { return float64(i.Requests - i.Failed) }},
	} {
		var with, without []float64
		for i := range t.Pairs {
			with = append(with, f.of(&t.Pairs[i].With))
			without = append(without, f.of(&t.Pairs[i].Without))
		}
		all = append(all, Figure{f.name, median(with), median(without)})
	}
	return all
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// Lost returns how many runs lost something that was acknowledged, or said so.
func (t *Trial) Lost() (with, without int) {
	for i := range t.Pairs {
		with += min(t.Pairs[i].With.Lost, 1)
		without += min(t.Pairs[i].Without.Lost, 1)
	}
	return with, without
}

// Verdict says whether the defence helps as much as it is to, and why not.
func (t *Trial) Verdict() (helps bool, why string) {
	figures := t.Figures()
	with, without := t.Lost()
	if with > without {
		return false, fmt.Sprintf("%d runs with it lost something, and %d without", with, without)
	}
	recovery, failed := gain(figures[0]), gain(figures[1])
	for _, f := range figures {
		change := f.Change()
		if f.Name == "requests served" {
			change = -change
		}
		if change < -worse && !negligible(f) {
			return false, fmt.Sprintf("%s is %.0f %% worse", f.Name, -change)
		}
	}
	if max(recovery, failed) < better {
		return false, fmt.Sprintf("recovery time and failed requests are %.0f and %.0f %% less", recovery, failed)
	}
	return true, ""
}

// gain returns how much less a figure is with the defence, in percent; nothing if it is negligible either way.
func gain(f Figure) float64 {
	if negligible(f) {
		return 0
	}
	return f.Change()
}

// negligible tells whether a figure is too small for a share of it to mean anything: less than a second, or one request in a thousand.
func negligible(f Figure) bool { return f.With < 1 && f.Without < 1 }

// String prints the trial as a table.
func (t *Trial) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d seeds, with %s and without\n", t.Scenario, len(t.Pairs), t.Defence)
	for _, f := range t.Figures() {
		fmt.Fprintf(&b, "  %-26s %10.1f %10.1f  %+.0f %%\n", f.Name, f.With, f.Without, -f.Change())
	}
	with, without := t.Lost()
	fmt.Fprintf(&b, "  %-26s %10d %10d\n", "runs that lost something", with, without)
	if helps, why := t.Verdict(); helps {
		fmt.Fprintf(&b, "  %s helps\n", t.Defence)
	} else {
		fmt.Fprintf(&b, "  %s does not help enough: %s\n", t.Defence, why)
	}
	return b.String()
}
