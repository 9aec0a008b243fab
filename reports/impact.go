package reports

import "time"

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

// Began returns when clients began to feel faults: at the first, or at the beginning if there is none.
func (r *Result) Began() time.Duration {
	if len(r.Faults) == 0 {
		return 0
	}
	first := r.Faults[0].From
	for i := range r.Faults {
		first = min(first, r.Faults[i].From)
	}
	return time.Duration(first)
}
