package reports

import (
	"cmp"
	"fmt"
	"strings"
)

const (
	atTheEnd = 3e9 // how near to the end of a run a process must have ended to be down when the run ended
	hardly   = 10  // so many requests show that requests go well again
)

// healed says whether all was well again by itself: first what a check found, then whose process never came up, then requests.
func (r *Result) healed() string {
	var said []string
	if text := r.undone(); text != "" {
		said = append(said, text)
	}
	if text := r.stillDown(); text != "" {
		if len(said) == 0 {
			text = "No: " + text
		}
		said = append(said, upper(text))
	}
	verdict, text := r.servedAgain()
	if len(said) == 0 {
		text = verdict + ": " + text
	}
	return strings.Join(append(said, upper(text)), " ")
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// undone says what became of what the first check that failed found, beside whether requests were served.
func (r *Result) undone() string {
	h, broken := r.harm(), r.Broken()
	switch kind := promiseOf(broken).kind; {
	case broken == "" || kind == service:
		return ""
	case h == nil:
		return fmt.Sprintf("No: what %s found is not undone by waiting.", broken)
	case kind == lasting:
		return "No: what was gone or wrong was so at the end."
	case h.Last+lingers >= r.until():
		return "No: it was seen until the end."
	}
	return fmt.Sprintf("In part: after %s it was not seen any more, but what was done because of it stays.", at(h.Last))
}

// until returns when the last requests were made.
func (r *Result) until() Seconds {
	if r.Impact == nil || r.Impact.Until == 0 {
		return r.SimulatedSeconds
	}
	return min(r.Impact.Until, r.SimulatedSeconds)
}

// stillDown says whose process or board stopped by itself again and again, and did so when the run ended.
func (r *Result) stillDown() string {
	var boards []string
	for i := range r.Hardships {
		if h := &r.Hardships[i]; h.stops() >= loops && h.Last+lingers >= r.SimulatedSeconds {
			boards = append(boards, h.Machine)
		}
	}
	if len(boards) > 0 {
		return fmt.Sprintf("%s still stopped again and again when the run ended.", list(boards))
	}
	times := map[string]int{}
	for i := range r.Deaths {
		d := &r.Deaths[i]
		if times[d.Machine]++; times[d.Machine] >= loops && d.At+atTheEnd >= r.SimulatedSeconds {
			return fmt.Sprintf("the process on %s still ended again and again when the run did.", d.Machine)
		}
	}
	return ""
}

// servedAgain says whether requests went well again, and since when.
func (r *Result) servedAgain() (verdict, text string) {
	if r.Impact == nil || r.Impact.Requests == 0 {
		return "There was nothing to heal", r.nobodyAsked()
	}
	if len(r.Impact.Stretches) == 0 {
		return "There was nothing to heal", "clients were served all the time" + r.Impact.since() + "."
	}
	last := &r.Impact.Stretches[len(r.Impact.Stretches)-1]
	if r.Impact.Until > 0 && last.To+withinASecond < r.until() && r.Impact.After < hardly {
		return "No", fmt.Sprintf("requests went wrong until %s, and then hardly anybody asked any more.", at(last.To))
	}
	switch over := r.lastFault(last); {
	case last.To+withinASecond >= r.until():
		verdict, text = "No", "requests still went wrong when the last were made."
	case over == nil:
		verdict, text = "Yes", fmt.Sprintf("from %s on requests went well again.", at(last.To))
	case last.To <= over.To:
		verdict, text = "Yes", fmt.Sprintf("from %s on requests went well again, while %s still stood until %s.", at(last.To), over.Kind+" of "+over.Target, at(over.To))
	default:
		verdict, text = "Yes, once the fault was gone", fmt.Sprintf("requests went well again from %s on, %s after the end of %s.",
			at(last.To), at(last.To-over.To), over.Kind+" of "+over.Target)
	}
	if last.To > r.HealedAt+withinASecond && r.HealedAt > 0 && len(r.played()) > 0 {
		text += fmt.Sprintf(" That was %s after everything was healed.", at(last.To-r.HealedAt))
	}
	return verdict, text
}

// lastFault returns the fault that ended last of those that stood in a stretch or just before: of those that take something out if there are
// such, and of these rather one whose end may have ended the stretch, whatever else still stood; nil if there is none.
func (r *Result) lastFault(s *Stretch) (last *Fault) {
	rank := func(f *Fault) int {
		switch {
		case f.Out && f.To <= s.To && f.To+lingers >= s.To:
			return 2
		case f.Out:
			return 1
		}
		return 0
	}
	for i := range r.Faults {
		f := &r.Faults[i]
		if f.Felt && f.From <= s.To && f.To+lingers >= s.From && (last == nil || cmp.Or(rank(f)-rank(last), cmp.Compare(f.To, last.To)) > 0) {
			last = f
		}
	}
	return last
}
