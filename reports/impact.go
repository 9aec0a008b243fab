package reports

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Impact is what clients felt from the first fault of a run on, or from its beginning if it has none. A request counts for the second in
// which it was made; attackers' do not count.
type Impact struct {
	From     Seconds `json:"from"`
	Until    Seconds `json:"until"`  // after that nobody asked for anything
	Within   Seconds `json:"within"` // a request that took longer is late
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	Unknown  int     `json:"unknown"`
	Late     int     `json:"late"` // they succeeded, and not in time
	Clients  int     `json:"clients"`
	Hit      int     `json:"hit"` // clients of whose requests one or more did not go well
	// Bad is in how many seconds fewer than 95 % of the requests went well.
	Bad Seconds `json:"bad"`
	// Recovery is from the first fault until the last bad second was over; zero if none was.
	Recovery  Seconds      `json:"recovery"`
	P99       Seconds      `json:"p99"`                 // of the requests that succeeded
	Kinds     []KindImpact `json:"kinds,omitempty"`     // of requests of which some did not go well, the most of those first
	Stretches []Stretch    `json:"stretches,omitempty"` // of bad seconds, in order
	After     int          `json:"after"`               // requests that were made after the last of them
}

// KindImpact is what was felt by requests of one kind.
type KindImpact struct {
	Kind     string `json:"kind"`
	Requests int    `json:"requests"`
	Harmed   int    `json:"harmed"`
}

// Stretch is bad seconds that follow one another, with no more than two good ones between them, and others in which nobody asked.
type Stretch struct {
	From     Seconds `json:"from"`
	To       Seconds `json:"to"`
	Requests int     `json:"requests"`
	Harmed   int     `json:"harmed"`
	Rush     int     `json:"rush,omitempty"` // how many times as many requests as before were made when it began, if those were many more
}

// Harmed returns how many requests did not go well: they failed, came late, or nobody knows.
func (i *Impact) Harmed() int { return i.Failed + i.Unknown + i.Late }

// since says from when on all is counted, if not from the beginning on.
func (i *Impact) since() string {
	if i == nil || i.From == 0 {
		return ""
	}
	return " since the first fault"
}

// Began returns when clients began to feel faults: at the first that was played, or at the beginning if none was.
func (r *Result) Began() time.Duration {
	played := r.played()
	if len(played) == 0 {
		return 0
	}
	first := slices.MinFunc(played, func(a, b Fault) int { return cmp.Compare(a.From, b.From) })
	return time.Duration(first.From)
}

// played returns the faults that the run came to. One that ended early leaves out what was due later.
func (r *Result) played() []Fault {
	return slices.DeleteFunc(slices.Clone(r.Faults), func(f Fault) bool { return f.From >= r.SimulatedSeconds })
}

// unplayed says how many faults the run did not come to; nothing if it came to all.
func (r *Result) unplayed() string {
	more := len(r.Faults) - len(r.played())
	if more == 0 {
		return ""
	}
	return "the run ended before " + count(more, "more was due", "more were due")
}

// nonePlayed says why no fault was played.
func (r *Result) nonePlayed() string {
	if len(r.Faults) == 0 {
		return "No fault was played."
	}
	return fmt.Sprintf("No fault was played: the run ended at %s, before the first.", at(r.SimulatedSeconds))
}
