package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Answer is a question that a person asks of a run first, with what the facts say.
type Answer struct {
	Question, Text string
}

const (
	mostNamed     = 3    // faults, kinds and stretches that an answer names
	lingers       = 10e9 // how long after its end a fault may still be the cause of what clients feel
	justBefore    = 3e9  // how long before a stretch a process must have ended to be named with it
	withinASecond = 1e9  // a request counts for the second in which it was made: what begins in it may be the cause
	lesser        = 3e9  // what ended just before, and what takes nothing out, is as likely a cause as what began so long before
	slight        = 20   // a stretch in which so many times fewer requests went wrong than in the worst one needs no reason
	instant       = 1e9  // a fault that is shorter has one time in a sentence, not two
)

// Incident says what broke, who felt it, for how long, why, and whether it healed alone.
func (r *Result) Incident() []Answer {
	return []Answer{
		{"What broke?", r.whatBroke()},
		{"Who felt it?", r.whoFelt()},
		{"For how long?", r.howLong()},
		{"Why?", r.why()},
		{"Did it heal alone?", r.healed()},
	}
}

// weights returns for each fault how many requests did not go well in the stretches that it may have caused.
func (r *Result) weights() []int {
	weights := make([]int, len(r.Faults))
	if r.Impact == nil {
		return weights
	}
	for i := range r.Impact.Stretches {
		s := &r.Impact.Stretches[i]
		for rank, f := range r.nearest(s) {
			weight := s.Harmed / (rank + 1)
			if !r.Faults[f].Out && !r.Faults[f].Spoils {
				weight /= 4 // it stood near, and something else may well have been the cause
			}
			weights[f] += weight
		}
	}
	for i := range r.Deaths {
		for f := range r.Faults {
			if r.Faults[f].excuses(&r.Deaths[i]) {
				weights[f] += r.Impact.Harmed()/len(r.Deaths) + 1
			}
		}
	}
	return weights
}

// nearest returns the places of the faults that are the likeliest causes of a stretch, at most two: of those that stood when it began or had
// ended just before, what had begun last, and rather what takes something out.
func (r *Result) nearest(s *Stretch) []int {
	distance := func(f *Fault) Seconds {
		d := s.From + withinASecond - f.From
		if ended := s.From + withinASecond - f.To; ended >= 0 {
			d = min(d, ended+lesser)
		}
		if !f.Out && f.Named == nil && !f.Spoils {
			d += lesser
		}
		if f.Mild {
			d += lingers
		}
		return d
	}
	var near []int
	for i := range r.Faults {
		if f := &r.Faults[i]; f.Felt && f.From <= s.From+withinASecond && f.To+lingers >= s.From {
			near = append(near, i)
		}
	}
	slices.SortStableFunc(near, func(a, b int) int { return cmp.Compare(distance(&r.Faults[a]), distance(&r.Faults[b])) })
	return near[:min(len(near), 2)]
}

func (r *Result) whatBroke() string {
	var said []string
	if r.Broken() != "" {
		said = append(said, r.promiseBroken())
	}
	felt := 0
	var order []int
	for i := range r.Faults {
		if r.Faults[i].Felt {
			felt++
			order = append(order, i)
		}
	}
	weights := r.weights()
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(mildness(&r.Faults[a])-mildness(&r.Faults[b]), weights[b]-weights[a], cmp.Compare(r.Faults[b].To-r.Faults[b].From, r.Faults[a].To-r.Faults[a].From))
	})
	var names []string
	for _, i := range order[:min(len(order), mostNamed)] {
		names = append(names, r.Faults[i].phrase())
	}
	played := len(r.played())
	switch {
	case len(r.Faults) == 0:
		said = append(said, "Nothing was broken on purpose.")
	case played == 0:
		said = append(said, r.nonePlayed())
	case felt == 0:
		said = append(said, fmt.Sprintf("%s played, and none had an effect.", count(played, "fault was", "faults were")))
	case felt > len(names):
		said = append(said, fmt.Sprintf("%s had an effect; most of all %s.", count(felt, "fault", "faults"), list(names)))
	default:
		said = append(said, fmt.Sprintf("%s: %s.", count(felt, "fault", "faults"), list(names)))
	}
	if more := r.unplayed(); more != "" && played > 0 {
		said = append(said, upper(more)+".")
	}
	said = append(said, r.suffered()...)
	if loop := r.deathLoop(); loop != "" {
		said = append(said, loop)
	}
	if unexpected := r.unexpected(); len(unexpected) > 0 {
		said = append(said, fmt.Sprintf("%s, which no fault excuses; the first on %s at %s.",
			count(len(unexpected), "process ended by itself", "processes ended by themselves"), unexpected[0].Machine, at(unexpected[0].At)))
	}
	return strings.Join(said, " ")
}

func mildness(f *Fault) int {
	if f.Mild {
		return 1
	}
	return 0
}

// unexpected returns the processes whose end no fault excuses.
func (r *Result) unexpected() []Death {
	return slices.DeleteFunc(slices.Clone(r.Deaths), func(d Death) bool { return d.AllowedBy != "" })
}

// phrase names a fault in a sentence.
func (f *Fault) phrase() string {
	text := f.Kind + " of " + f.Target
	if f.To-f.From < instant {
		return text + " at " + at(f.From)
	}
	return fmt.Sprintf("%s from %s to %s", text, at(f.From), at(f.To))
}

func (r *Result) whoFelt() string {
	i, wronged := r.Impact, r.wronged()
	switch {
	case i == nil || i.Requests == 0:
		return cmp.Or(strings.TrimSpace(wronged), upper(r.nobodyAsked()))
	case i.Harmed() == 0 && wronged != "":
		return wronged + fmt.Sprintf("All %d requests%s were answered in time.", i.Requests, i.since())
	case i.Harmed() == 0 && r.Broken() != "":
		return fmt.Sprintf("All %d requests%s were answered in time; whom else this touched, the check %s does not say.", i.Requests, i.since(), r.Broken())
	case i.Harmed() == 0:
		return fmt.Sprintf("Nobody: all %d requests%s went well.", i.Requests, i.since())
	}
	if wronged != "" {
		wronged += "Slow or failed: "
	}
	var kinds []string
	for _, k := range i.Kinds[:min(len(i.Kinds), mostNamed)] {
		kinds = append(kinds, fmt.Sprintf("%s (%d of %d)", k.Kind, k.Harmed, k.Requests))
	}
	if more := len(i.Kinds) - mostNamed; more > 0 {
		kinds = append(kinds, count(more, "more kind", "more kinds"))
	}
	return wronged + fmt.Sprintf("%d of %s and %d of %d requests%s: %d failed, of %d nobody knows, %d took over %s. They were %s.",
		i.Hit, count(i.Clients, "client", "clients"), i.Harmed(), i.Requests, i.since(), i.Failed, i.Unknown, i.Late, at(i.Within), list(kinds))
}

// nobodyAsked says that no request was made.
func (r *Result) nobodyAsked() string { return "nobody asked for anything" + r.Impact.since() + "." }

func (r *Result) howLong() string {
	i := r.Impact
	if i == nil || len(i.Stretches) == 0 {
		return r.wrongFor() + "In no second" + i.since() + " did more than one in twenty requests go wrong."
	}
	longest := slices.MaxFunc(i.Stretches, func(a, b Stretch) int { return cmp.Compare(a.To-a.From, b.To-b.From) })
	text := r.wrongFor() + fmt.Sprintf("In %s%s more than one in twenty requests went wrong", count(int(i.Bad/1e9), "second", "seconds"), cmp.Or(i.since(), " of the run"))
	if len(i.Stretches) == 1 {
		text += fmt.Sprintf(", from %s to %s.", at(longest.From), at(longest.To))
	} else {
		text += fmt.Sprintf(", in %d stretches, the longest from %s to %s.", len(i.Stretches), at(longest.From), at(longest.To))
	}
	return text + " The last was over " + r.recovery() + "."
}

// recovery says how long it took until the last bad second was over.
func (r *Result) recovery() string {
	since := "the first fault"
	if len(r.played()) == 0 {
		since = "the beginning"
	}
	return at(r.Impact.Recovery) + " after " + since
}

func (r *Result) why() string {
	said := append(r.whyWrong(), r.whyDown()...)
	if r.Minimal != nil {
		said = append([]string{r.Minimal.proved()}, said...)
	}
	if r.Impact == nil || len(r.Impact.Stretches) == 0 {
		return cmp.Or(strings.Join(said, " "), r.whyEnded(), r.whyBroken(), "There is nothing to explain.")
	}
	worst := slices.Clone(r.Impact.Stretches)
	slices.SortStableFunc(worst, func(a, b Stretch) int { return b.Harmed - a.Harmed })
	named := mostNamed
	if len(said) > 0 { // what was wrong is said already
		named = 1
	}
	most := worst[0].Harmed
	worst = slices.DeleteFunc(worst[:min(len(worst), named)], func(s Stretch) bool { return s.Harmed*slight < most })
	slices.SortFunc(worst, func(a, b Stretch) int { return cmp.Compare(a.From, b.From) })
	for i := range worst {
		said = append(said, fmt.Sprintf("At %s %s.", at(worst[i].From), r.blame(&worst[i])))
	}
	return strings.Join(said, " ")
}

// whyEnded says what stood when the first process ended that no fault excuses, if one did.
func (r *Result) whyEnded() string {
	ended := r.unexpected()
	if len(ended) == 0 {
		return ""
	}
	t := Seconds(ended[0].At)
	return fmt.Sprintf("At %s %s.", at(t), r.blame(&Stretch{From: t, To: t}))
}

// whyBroken repeats what a check says that knows no time at which it was so.
func (r *Result) whyBroken() string {
	if r.Broken() == "" {
		return ""
	}
	return fmt.Sprintf("When that was, the check does not know. It says: %s.", strings.TrimSuffix(r.Cause(), "."))
}

// blame says what stood when a stretch began.
func (r *Result) blame(s *Stretch) string {
	var parts []string
	for _, n := range r.nearest(s) {
		f := &r.Faults[n]
		part := f.Kind + " of " + f.Target
		switch {
		case f.To < s.From:
			part += fmt.Sprintf("%s had ended %s before", r.led(f), at(s.From-f.To))
		case f.From >= s.From:
			part += " began" + r.led(f)
		default:
			part += fmt.Sprintf("%s had stood for %s", r.led(f), at(s.From-f.From))
		}
		if f.Named != nil {
			part += fmt.Sprintf(", and %s named it after %s", f.Named.Alert, at(f.Named.After))
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		parts = append(parts, r.lasting(s.From))
		if s.Rush > 0 {
			parts[0] += fmt.Sprintf(", and %d times as many requests came as before", s.Rush)
		}
		if stops := r.stopsBefore(s.From + withinASecond); stops > 0 {
			parts[0] += ", and " + count(stops, "board had stopped by itself", "boards had stopped by themselves")
		}
	}
	parts = append(parts, r.leadsLost(s)...)
	if more := r.during(s); more > 0 {
		parts = append(parts, count(more, "more fault", "more faults")+" came before it was over")
	}
	for _, d := range r.Deaths {
		if d.At > s.From-justBefore && d.At <= s.From+withinASecond {
			parts = append(parts, "the process on "+d.Machine+" ended by itself")
			break
		}
	}
	return strings.Join(parts, "; ")
}

// lasting says which fault was the last before a time that spoilt what is stored, or moved a clock: nobody takes that back.
func (r *Result) lasting(t Seconds) string {
	var last *Fault
	for i := range r.Faults {
		f := &r.Faults[i]
		if f.Felt && f.From <= t && (f.Spoils || f.movesClock()) && (last == nil || f.From >= last.From) {
			last = f
		}
	}
	if last == nil {
		return "no fault stood that had an effect"
	}
	did := "moved the clock"
	if last.Spoils {
		did = "spoilt what is stored"
	}
	return fmt.Sprintf("%s of %s had %s %s before", last.Kind, last.Target, did, at(t-last.From))
}

// movesClock tells whether a machine's clock stays off when the fault is over.
func (f *Fault) movesClock() bool { return f.Kind == "clock-step" || f.Kind == "clock-drift" }

// leadsLost says which groups lost their leader when a stretch began, for other reasons than the faults that are its likeliest causes.
func (r *Result) leadsLost(s *Stretch) []string {
	said := func(m *Machine) bool {
		return slices.ContainsFunc(r.nearest(s), func(f int) bool { return slices.Equal(r.Faults[f].On, []string{m.Name}) })
	}
	var lost []string
	for i := range r.Machines {
		m := &r.Machines[i]
		for _, l := range m.Leads {
			if l.To > s.From-justBefore && l.To <= s.From+withinASecond && l.To < r.SimulatedSeconds && !said(m) {
				lost = append(lost, fmt.Sprintf("group %d lost its leader %s", l.Group, m.Name))
			}
		}
	}
	return lost[:min(len(lost), 2)]
}

// led says, in brackets, which groups the one machine of a fault led when it began.
func (r *Result) led(f *Fault) string {
	for i := range r.Machines {
		m := &r.Machines[i]
		if len(f.On) != 1 || f.On[0] != m.Name {
			continue
		}
		var groups []string
		for _, l := range m.Leads {
			if l.From < f.From && l.To >= f.From {
				groups = append(groups, fmt.Sprint(l.Group))
			}
		}
		switch slices.Sort(groups); len(groups) {
		case 0:
		case 1:
			return " (it led group " + groups[0] + ")"
		default:
			return " (it led groups " + list(groups) + ")"
		}
	}
	return ""
}

// during returns how many faults that had an effect began after a stretch had begun and before it was over.
func (r *Result) during(s *Stretch) (n int) {
	for i := range r.Faults {
		if f := &r.Faults[i]; f.Felt && f.From > s.From+withinASecond && f.From < s.To {
			n++
		}
	}
	return n
}

// after puts words before a text, if there is one.
func after(words, text string) string {
	if text == "" {
		return ""
	}
	return words + text
}

// count prints a number with its noun.
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// list joins words as a sentence does.
func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// at prints a time in tenths of a second, as people say it: 12.5 s, 120 s.
func at(t Seconds) string {
	n := int64(t) / 1e8
	if n%10 == 0 {
		return fmt.Sprintf("%d s", n/10)
	}
	return fmt.Sprintf("%d.%d s", n/10, n%10)
}
