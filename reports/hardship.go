package reports

import "fmt"

// Hardship is what befell a modelled board that nobody did to it.
type Hardship struct {
	Machine  string  `json:"machine"`
	Sags     int     `json:"sags,omitempty"`     // resets for too few volts
	Watchdog int     `json:"watchdog,omitempty"` // resets by the watchdog
	Overheat int     `json:"overheat,omitempty"` // times that heat turned it off
	First    Seconds `json:"first,omitempty"`    // of these
	Last     Seconds `json:"last,omitempty"`
	Hot      Seconds `json:"hot,omitempty"` // at 80 °C or more, where clocks are held down
}

// tooHot is where a Pi begins to hold its clock down, m°C.
const tooHot = 80_000

// Hardships returns what befell boards, of those that something befell.
func (all Boards) Hardships() []Hardship {
	var some []Hardship
	for i := range all {
		b := &all[i]
		h := Hardship{Machine: b.Machine}
		for _, e := range b.Events {
			before := h.stops()
			switch e.Kind {
			case "under-voltage-reset":
				h.Sags++
			case "watchdog-reset":
				h.Watchdog++
			case "overheated":
				h.Overheat++
			}
			if h.stops() == before {
				continue
			}
			if h.Last = e.At; before == 0 {
				h.First = e.At
			}
		}
		for _, t := range b.MilliCelsius {
			if t >= tooHot {
				h.Hot += 1e9
			}
		}
		if h.stops() > 0 || h.Hot > 0 {
			some = append(some, h)
		}
	}
	return some
}

func (h *Hardship) stops() int { return h.Sags + h.Watchdog + h.Overheat }

// suffered says in sentences what befell boards.
func (r *Result) suffered() (said []string) {
	first := r.SimulatedSeconds
	for _, what := range []struct {
		of   func(*Hardship) int
		text string
	}{
		{func(h *Hardship) int { return h.Sags }, "reset for want of volts"},
		{func(h *Hardship) int { return h.Watchdog }, "reset by the watchdog"},
		{func(h *Hardship) int { return h.Overheat }, "turned off by heat"},
	} {
		times, names := 0, []string(nil)
		for i := range r.Hardships {
			if h := &r.Hardships[i]; what.of(h) > 0 {
				times += what.of(h)
				first = min(first, h.First)
				names = append(names, h.Machine)
			}
		}
		if times > 0 {
			said = append(said, fmt.Sprintf("%s %s %s, %s in all.", list(names), was(len(names)), what.text, count(times, "time", "times")))
		}
	}
	if len(said) > 0 {
		said = append(said, fmt.Sprintf("The first time was at %s.", at(first)))
	}
	hottest, hot := Hardship{}, []string(nil)
	for _, h := range r.Hardships {
		if h.Hot > 0 {
			hot = append(hot, h.Machine)
		}
		if h.Hot > hottest.Hot {
			hottest = h
		}
	}
	if len(hot) > 0 {
		said = append(said, fmt.Sprintf("%s %s at 80 °C or more, where the clock is held down, %s for %s.", list(hot), was(len(hot)), hottest.Machine, at(hottest.Hot)))
	}
	return said
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// stopsBefore returns how many boards had stopped by themselves before a time.
func (r *Result) stopsBefore(t Seconds) (n int) {
	for i := range r.Hardships {
		if h := &r.Hardships[i]; h.stops() > 0 && h.First <= t {
			n++
		}
	}
	return n
}
