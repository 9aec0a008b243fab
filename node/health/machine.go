package health

import (
	"slices"
	"strings"
	"time"

	"picloud/hw"
	"picloud/node/mutant"
)

// Decision is a rule that was raised or cleared.
type Decision struct {
	Rule    *Rule
	Subject string // the neighbour that it is about; empty for the node itself
	Raised  bool
	Value   int64 // of the signal, that has decided it
	Effect  Effect
}

// Machine decides by what a node sees. It reads no clock and does nothing, so what it decides is a function of what it is given. Times
// that it is given never go back.
type Machine struct {
	info   hw.Info
	rules  []Rule
	senses senses
	states map[about]*state
}

// about is what a state is of.
type about struct {
	rule    int
	subject string
}

// state is how a rule stands about a subject.
type state struct {
	stands  bool
	bad     time.Time // since when it has been; zero if it is not, or nobody knows
	good    time.Time
	raised  time.Time
	cleared time.Time // zero if it never was
	value   int64
	known   bool
	effect  Effect // since it was raised
}

// NewMachine returns a machine for a board. The rules are valid.
func NewMachine(rules []Rule, info hw.Info) *Machine {
	m := &Machine{info: info, senses: senses{info: info}, states: map[about]*state{}}
	for _, r := range rules {
		r = r.on(info)
		if mutant.Planted == mutant.NoHysteresis {
			side := int64(1)
			if r.Raise > r.Clear {
				side = -1
			}
			r.Clear, r.Hold, r.CoolDown = r.Raise+side, 0, 0
		}
		m.rules = append(m.rules, r)
	}
	return m
}

// Decide takes what the node sees, and returns what follows from it that is new.
func (m *Machine) Decide(s Sight, now time.Time) []Decision {
	values := m.senses.take(s, now)
	return m.decide(values, now)
}

// decide is Decide by the values of signals. A subject that is not there is unknown.
func (m *Machine) decide(values map[Signal]map[string]hw.Value[int64], now time.Time) (all []Decision) {
	for i := range m.rules {
		r := &m.rules[i]
		for _, subject := range subjects(values[r.Signal]) {
			key := about{i, subject}
			if m.states[key] == nil {
				m.states[key] = &state{}
			}
		}
	}
	for _, key := range m.order() {
		r, st := &m.rules[key.rule], m.states[key]
		value, err := values[r.Signal][key.subject].Get()
		st.known = err == nil
		if err == nil {
			st.value = value
		}
		if !st.step(r, now) {
			continue
		}
		if st.stands {
			st.effect = m.effect(r)
		}
		all = append(all, Decision{Rule: r, Subject: key.subject, Raised: st.stands, Value: value, Effect: st.effect})
	}
	return all
}

// step lets a rule be raised or cleared by the present value, and tells whether it was.
func (st *state) step(r *Rule, now time.Time) bool {
	if !st.known {
		st.bad, st.good = time.Time{}, time.Time{}
		return false
	}
	since(&st.bad, beyond(st.value, r.Raise, r.Clear), now)
	since(&st.good, beyond(st.value, r.Clear, r.Raise), now)
	switch {
	case !st.stands && !st.bad.IsZero() && now.Sub(st.bad) >= r.For && (st.cleared.IsZero() || now.Sub(st.cleared) >= r.CoolDown):
		st.stands, st.raised = true, now
		return true
	case st.stands && !r.Stays && !st.good.IsZero() && now.Sub(st.good) >= r.Hold:
		st.stands, st.cleared = false, now
		return true
	}
	return false
}

// since notes since when something holds.
func since(t *time.Time, holds bool, now time.Time) {
	switch {
	case !holds:
		*t = time.Time{}
	case t.IsZero():
		*t = now
	}
}

// effect returns what a rule does from now on.
func (m *Machine) effect(r *Rule) Effect {
	e := r.Effect
	if e.ByClock {
		e.Weight = least(e.Weight, m.senses.clockShare())
	}
	return e
}

// Stance returns what all rules that stand about the node itself want together.
func (m *Machine) Stance() (all Effect) {
	for _, key := range m.order() {
		if st := m.states[key]; st.stands && key.subject == "" {
			all = all.add(st.effect)
		}
	}
	return all
}

// Standing is a rule and how it stands.
type Standing struct {
	Rule    *Rule
	Subject string
	Stands  bool
	Known   bool
	Value   int64 // as last known
	Raised  time.Time
}

// Standings returns how all rules stand, in their order.
func (m *Machine) Standings() (all []Standing) {
	for _, key := range m.order() {
		st := m.states[key]
		all = append(all, Standing{&m.rules[key.rule], key.subject, st.stands, st.known, st.value, st.raised})
	}
	return all
}

// order returns all that there is a state of, in the order of the rules and then of subjects.
func (m *Machine) order() []about {
	keys := make([]about, 0, len(m.states))
	for key := range m.states {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b about) int {
		if a.rule != b.rule {
			return a.rule - b.rule
		}
		return strings.Compare(a.subject, b.subject)
	})
	return keys
}

func subjects(values map[string]hw.Value[int64]) []string {
	all := make([]string, 0, len(values))
	for s := range values {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}
