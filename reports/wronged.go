package reports

import (
	"cmp"
	"fmt"
	"strings"
)

// promiseBroken says what the first check that failed is about, and which others failed.
func (r *Result) promiseBroken() string {
	var others []string
	first := r.Broken()
	for _, c := range r.Checks {
		if c.Status == Fail && c.Name != first {
			others = append(others, c.Name)
		}
	}
	text := Meaning(first)
	if text == "" {
		text = fmt.Sprintf("The check %s failed.", first)
	} else {
		text = fmt.Sprintf("%s (check %s).", strings.TrimSuffix(text, "."), first)
	}
	if len(others) > 0 {
		text += fmt.Sprintf(" %s failed, too.", list(others))
	}
	return text
}

// harm returns who was done wrong by what made the first check fail, if that is known.
func (r *Result) harm() *Harm {
	for i := range r.Checks {
		if r.Checks[i].Status == Fail {
			return r.Checks[i].Harm
		}
	}
	return nil
}

// wronged says whom the check that failed is about, before what all felt.
func (r *Result) wronged() string {
	h, felt := r.harm(), promiseOf(r.Broken()).felt
	if h == nil || felt == "" {
		return ""
	}
	who := count(h.Clients, "client", "clients")
	if r.Impact != nil && r.Impact.Clients >= h.Clients {
		who = fmt.Sprintf("%d of %s", h.Clients, count(r.Impact.Clients, "client", "clients"))
	}
	return fmt.Sprintf("%s %s, %s. ", who, felt, times(h.Times))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// wrongFor says for how long it was so, before how long all felt something.
func (r *Result) wrongFor() string {
	h := r.harm()
	switch kind := promiseOf(r.Broken()).kind; {
	case h == nil || kind == service:
		return ""
	case at(h.First) == at(h.Last):
		return fmt.Sprintf("That was seen at %s. ", at(h.First))
	default:
		return fmt.Sprintf("That was seen from %s to %s. ", at(h.First), at(h.Last))
	}
}

// whyWrong says what stood when the check that failed found something for the first time, or after what did not last had been promised.
func (r *Result) whyWrong() []string {
	h := r.harm()
	switch kind := promiseOf(r.Broken()).kind; {
	case h == nil || kind == service:
		return nil
	case kind == lasting && h.Promised == 0 && len(r.whyDown()) > 0: // which says more
		return nil
	case h.Promised > 0:
		text := fmt.Sprintf("The first of what did not last had been acknowledged at %s", at(h.Promised))
		if f, first := r.next(h.Promised, h.First); f != nil {
			text += fmt.Sprintf("; %s, %s later, was %s of %s", first, at(f.From-h.Promised), f.Kind, f.Target)
		}
		return []string{text + "."}
	case h.First < Seconds(r.Began()):
		return []string{fmt.Sprintf("It was first seen at %s, before the first fault: none is needed for it.", at(h.First))}
	default:
		return []string{fmt.Sprintf("When it was first seen, at %s, %s.", at(h.First), r.blame(&Stretch{From: h.First, To: h.First}))}
	}
}

// next returns the first fault that was felt and began between two times, rather one that takes something out or spoils it, or nil; and
// what it is the first of.
func (r *Result) next(from, to Seconds) (next *Fault, of string) {
	grave := func(f *Fault) bool { return f.Out || f.Spoils }
	var first *Fault
	for i := range r.Faults {
		f := &r.Faults[i]
		if !f.Felt || f.From < from || to != 0 && f.From > to {
			continue
		}
		if first == nil || f.From < first.From {
			first = f
		}
		if next == nil || grave(f) && !grave(next) || grave(f) == grave(next) && f.From < next.From {
			next = f
		}
	}
	if next != nil && first.From < next.From {
		return next, "the first that takes something out or spoils it"
	}
	return next, "the first fault after that"
}

const (
	loops      = 3   // from so many ends on a process is said to end again and again
	mostReason = 140 // letters of a reason, of which libraries' may be long
)

// deathLoop says which machine's process ended by itself most often for one reason, if it did so again and again.
func (r *Result) deathLoop() string {
	first, times := r.endsMost()
	if times < loops {
		return ""
	}
	return fmt.Sprintf("The process on %s ended by itself %d times from %s on: %s.", first.Machine, times, at(first.At), strings.TrimSuffix(first.why(), "."))
}

// whyDown says to which fault it is put down that a process ended again and again.
func (r *Result) whyDown() []string {
	first, times := r.endsMost()
	for i := range r.Faults {
		if f := &r.Faults[i]; times >= loops && f.excuses(first) {
			return []string{fmt.Sprintf("That the process on %s ended again and again comes from %s.", first.Machine, f.phrase())}
		}
	}
	return nil
}

// endsMost returns the first of the ends that one machine met most often for one reason, and how many there were.
func (r *Result) endsMost() (*Death, int) {
	type same struct{ machine, reason string }
	times, first := map[same]int{}, map[same]*Death{}
	var most same
	for i := range r.Deaths {
		d := &r.Deaths[i]
		of := same{d.Machine, d.why()}
		if times[of]++; times[of] == 1 {
			first[of] = d
		}
		if times[of] > times[most] {
			most = of
		}
	}
	return first[most], times[most]
}

// Printed returns the first line of what a process printed last, where its status is all that is known of why it ended.
func (d *Death) Printed() string {
	if !strings.HasPrefix(d.Reason, "exit status") {
		return ""
	}
	printed, _, _ := strings.Cut(strings.TrimSpace(d.Stack), "\n")
	return printed
}

// why says why a process ended: if it only has a status, what it printed last says more.
func (d *Death) why() string {
	reason, _, _ := strings.Cut(d.Reason, "\n")
	reason = cmp.Or(d.Printed(), reason)
	if runes := []rune(reason); len(runes) > mostReason {
		reason = string(runes[:mostReason-1]) + "…"
	}
	return reason
}
