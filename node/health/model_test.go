package health

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/store/storetest"
)

// TestTheBudgetIsNeverExceeded draws what befalls five machines, in whatever order, and looks at each deed that takes one away, when it is done.
// Relays are moved one at a time; no node is drained or halted beside another; a majority is always well besides who is treated;
// and each deed stands in the journal. In the end the store says of no machine that runs that it was turned off, fenced or cut off, whatever failed: boards
// that do not turn off, and a store that loses questions and answers.
func TestTheBudgetIsNeverExceeded(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector takes minutes for its hours of virtual time")
	}
	seen := map[string]int{} // deeds that were judged
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(&storetest.Scope{TB: t}, func(r *rapid.T) {
			s := &storetest.Scope{TB: t}
			defer s.End()
			l := newLab(s, 5)
			defer l.end()
			var wrong []string
			l.judge = func(m *machine, what string) {
				word, _, _ := strings.Cut(what, " ")
				seen[word]++
				if why := l.tooMany(m, what); why != "" {
					wrong = append(wrong, fmt.Sprintf("%s %s %s: %s", time.Since(l.began), m.name, what, why))
				}
			}
			l.tick.Reset(5 * time.Second)
			l.store.Fail(l.loses)
			l.runAll(slowly)
			time.Sleep(time.Minute)
			for range rapid.IntRange(1, 12).Draw(r, "steps") {
				l.befall(r)
				time.Sleep(time.Duration(rapid.IntRange(1, 120).Draw(r, "seconds")) * time.Second)
			}
			l.set(func() { l.losing = 0 })
			time.Sleep(3 * time.Minute)
			wrong = append(wrong, l.untrue()...)
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(wrong) > 0 {
				r.Fatalf("%s\nof %s", strings.Join(wrong, "\n"), strings.Join(l.deeds, "\n   "))
			}
		})
	})
	for _, word := range []string{"opens", "drains", "halts", "fenced"} {
		if seen[word] == 0 {
			t.Errorf("of all that was drawn nothing %s: %v", word, seen)
		}
	}
	t.Logf("judged: %v", seen)
}

// befall draws something that befalls a machine.
func (l *lab) befall(r *rapid.T) {
	m := l.machines[fmt.Sprintf("pi-%d", rapid.IntRange(1, 5).Draw(r, "machine"))]
	what := rapid.SampledFrom([]string{"hang", "hang for ever", "revive", "stand still", "be cut off", "be there again", "heat", "cool", "break", "lag", "catch up",
		"burn", "not turn off", "turn off", "the store loses questions", "the store loses answers"}).Draw(r, "what")
	switch what {
	case "hang":
		m.hang()
	case "hang for ever":
		l.set(func() { m.stays = true })
		m.hang()
	case "revive":
		l.set(func() { m.stays = false })
		m.revive()
	case "stand still":
		m.gate.pause()
		l.set(func() { m.lost = time.Now() })
	case "be cut off":
		l.set(func() { m.isolated, m.lost = true, time.Now() })
	case "be there again":
		l.set(func() { m.isolated = false })
		m.revive()
	case "heat":
		m.heat(84_000)
	case "burn":
		m.heat(90_000)
	case "not turn off":
		l.set(func() { m.runsOn = true })
	case "turn off":
		l.set(func() { m.runsOn = false })
	case "the store loses questions", "the store loses answers":
		first, n := rapid.IntRange(0, 2).Draw(r, "answered before"), rapid.IntRange(1, 4).Draw(r, "lost")
		l.set(func() { l.passing, l.losing, l.answers = first, n, strings.HasSuffix(what, "answers") })
	case "cool":
		m.heat(45_000)
	case "break":
		l.set(func() { m.reading.Card.ReadOnly = hw.Known(true) })
	case "lag":
		l.set(func() { l.group.Applied[m.name] = 10 })
	case "catch up":
		l.set(func() { l.group.Applied[m.name] = 5000 })
	}
	l.set(func() {
		if leader := l.machines[l.group.Leader]; leader != nil && leader.well() && l.group.Applied[leader.name] == 5000 {
			return
		}
		for _, n := range l.group.Voters { // somebody else is elected, if there is a majority to do so
			if l.machines[n].well() && l.group.Applied[n] == 5000 {
				l.group.Leader = n
				return
			}
		}
		l.group.Leader = ""
	})
}

func (m *machine) well() bool { return m.up() && m.lost.IsZero() && !m.isolated }

// late is after how long it is known of a machine that it is lost.
const late = 90 * time.Second

// tooMany says what a deed does that must not be done.
func (l *lab) tooMany(m *machine, what string) string {
	subject := m.name
	cut, opens := strings.CutPrefix(what, "opens ")
	switch {
	case opens && cut == m.name:
		return "it cuts itself off"
	case opens:
		subject = cut
	case what != "drains true" && what != "halts" && what != "fenced":
		return ""
	}
	well := 0
	for _, n := range l.group.Voters {
		o := l.machines[n]
		lost := !o.lost.IsZero() && time.Since(o.lost) > late
		if n == subject {
			continue
		}
		if opens && o.open && !o.stays && o.opener.name != subject { // whom the subject keeps off gets its power back
			return n + " is without power already"
		}
		if !opens && what != "fenced" && o.draining && !lost && o.up() {
			return n + " is drained already"
		}
		if !lost && !o.hangs && o.fenced == "" && !o.halted && !o.draining && l.group.Applied[n] == 5000 {
			well++
		} else if !lost && o.hangs { // nobody can know yet
			well++
		}
	}
	if well < 3 {
		return fmt.Sprintf("%d others are well", well)
	}
	return ""
}

// loses fails transactions of who has the budget, as long as some are to be lost.
func (l *lab) loses(x *api.Txn) *storetest.Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.losing == 0 || len(x.If) != 1 || x.If[0].Key != budgetRow {
		return nil
	}
	if l.passing > 0 {
		l.passing--
		return nil
	}
	l.losing--
	return &storetest.Fault{Err: api.Errorf(api.Unknown, "run a transaction", "", "nobody knows"), After: l.answers}
}

// untrue returns what the store says that is not so, of machines that could say otherwise.
func (l *lab) untrue() (all []string) {
	v, err := read(l.ctx, l.store, "")
	if err != nil {
		return []string{err.Error()}
	}
	cut := map[string]int{}
	for _, n := range l.group.Voters {
		cut[n] = l.cycled(n) - len(l.done("opens "+n))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.group.Voters {
		m, was := l.machines[n], v.out[n]
		if m.well() && v.treating.Subject != n && (was == Halt || was == Fence || was == Drain && !m.draining) {
			all = append(all, fmt.Sprintf("%s runs, and the store has it for one to which was done: %s", n, was))
		}
		if drivers := l.machines["pi-1"].well() && l.machines["pi-2"].well(); drivers && v.treating.Subject != n && cut[n] > 0 {
			all = append(all, fmt.Sprintf("the store has %d cuts of %s more than there were", cut[n], n))
		}
	}
	return all
}
