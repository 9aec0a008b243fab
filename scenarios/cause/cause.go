// Package cause tells what mattered in a run that fails: it plays the run again with one thing
// changed at a time, and says whether the same check still fails.
//
// Two questions are asked. Which part mattered: each fault is left out or healed earlier, machines
// change places, and have other cards. When was it certain: the run is branched at a moment, which
// leaves out all faults that begin later and heals then what lasts. A branch has the run's own seed, and
// up to its moment it is the run itself, as each fault has a random stream of its own.
//
// Invariants: "fails" means that the same check is the first that fails. A change gives the run other
// turns, so it is played with a few seeds, and what is said is how many of them fail.
package cause

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
	"picloud/scenarios/shrink"
)

// Job is what to look into.
type Job struct {
	Scenario *scenarios.Scenario
	Run      shrink.Run // which fails
	Seeds    int        // played with each change, the run's own among them
	Workers  int        // runs at one time
	Play     func(ctx context.Context, core int, r shrink.Run) (*reports.Result, error)
	Played   func(n int) // is called after each run, one at a time
}

// Limits of what is asked.
const (
	mostMoments = 12                     // of the ladder
	step        = 100 * time.Millisecond // to which the moment is found
)

// Report is what was found. It is cause.json.
type Report struct {
	Scenario string         `json:"scenario"`
	Seed     uint64         `json:"seed"`
	Check    string         `json:"check"` // which fails first
	Seeds    []uint64       `json:"seeds"` // played with each change
	Fails    int            `json:"fails"` // how many of them fail when nothing is changed
	Faults   []FaultChanges `json:"faults"`
	Parts    []Change       `json:"parts"`
	Moments  []Moment       `json:"moments"`
	Certain  *Certain       `json:"certain,omitempty"` // nil if the run fails without any fault
	Runs     int            `json:"runs"`              // that were played
}

// FaultChanges is what was changed of a fault.
type FaultChanges struct {
	Fault    string   `json:"fault"`
	Mattered Mattered `json:"mattered"`
	Changes  []Change `json:"changes"`
}

// Mattered says whether a run needs a fault in order to fail.
type Mattered string

// What a fault may have done.
const (
	Needed   Mattered = "needed"     // no seed fails without it
	Helped   Mattered = "helped"     // with its own seed the run does not fail without it, with others it does
	Harmless Mattered = "not needed" // the run fails without it
)

// Change is something that was changed, and what that came to.
type Change struct {
	What  string `json:"what"`
	Own   bool   `json:"own"`   // whether it fails with the run's own seed
	Fails int    `json:"fails"` // of the seeds
}

// Moment is a branch of the run: what if no fault had begun from then on, and those there were had been healed.
type Moment struct {
	At     reports.Seconds `json:"at"`
	Faults int             `json:"faults"` // that had begun
	Check  string          `json:"check"`  // that fails first; empty if none does
}

// Certain is when the failure became certain: nothing that heals later prevents it.
type Certain struct {
	Not  reports.Seconds `json:"not"`  // when it could still be prevented
	From reports.Seconds `json:"from"` // when it could no longer be
}

// ErrPasses says that the run does not fail, so that there is no cause to find.
var ErrPasses = errors.New("the run does not fail")

// trial is a change to play.
type trial struct {
	change *Change
	run    shrink.Run
}

// Find finds what mattered.
func (j Job) Find(ctx context.Context) (*Report, error) {
	r := &Report{Scenario: j.Scenario.Name, Seed: j.Run.Seed, Seeds: shrink.Seeds(j.Run.Seed, j.Run.Seed, j.Seeds), Parts: []Change{}}
	whole, err := j.play(ctx, r, []shrink.Run{j.Run})
	if err != nil {
		return nil, err
	}
	if r.Check = whole[0]; r.Check == "" {
		return nil, ErrPasses
	}
	unchanged := Change{What: "unchanged"}
	trials := []trial{{&unchanged, j.Run}}
	r.Faults = make([]FaultChanges, len(j.Run.Faults))
	for i := range j.Run.Faults {
		r.Faults[i].Fault = j.Run.Faults[i].String()
		trials = append(trials, j.ofFault(&r.Faults[i], i)...)
	}
	parts := j.ofParts()
	if err := j.try(ctx, r, append(trials, parts...)); err != nil {
		return nil, err
	}
	r.Fails = unchanged.Fails
	for i := range r.Faults {
		r.Faults[i].judge()
	}
	for _, t := range parts {
		r.Parts = append(r.Parts, *t.change)
	}
	return r, j.moments(ctx, r)
}

// try plays changes, each with all seeds, and writes down what they came to.
func (j Job) try(ctx context.Context, r *Report, trials []trial) error {
	var runs []shrink.Run
	for _, t := range trials {
		for _, seed := range r.Seeds {
			one := t.run
			one.Seed = seed
			runs = append(runs, one)
		}
	}
	checks, err := j.play(ctx, r, runs)
	if err != nil {
		return err
	}
	for i, check := range checks {
		if c := trials[i/len(r.Seeds)].change; check == r.Check {
			c.Fails++
			c.Own = c.Own || runs[i].Seed == r.Seed
		}
	}
	return nil
}

// play plays runs and returns the check that fails first in each.
func (j Job) play(ctx context.Context, r *Report, runs []shrink.Run) ([]string, error) {
	checks := make([]string, len(runs))
	if len(runs) == 0 {
		return checks, ctx.Err()
	}
	_, err := hunt.Hunt{Seeds: hunt.Range(0, uint64(len(runs)-1)), Workers: j.Workers, // places of the list, as seeds are not all different
		Play: func(ctx context.Context, core int, place uint64) (*reports.Result, error) {
			result, err := j.Play(ctx, core, runs[place])
			if err == nil {
				checks[place] = result.Broken()
			}
			return result, err
		},
		Each: func(*reports.Result) {
			r.Runs++
			if j.Played != nil {
				j.Played(r.Runs)
			}
		}}.Run(ctx)
	return checks, err
}

// possible returns the changes that the scenario allows.
func (j Job) possible(trials []trial) []trial {
	return slices.DeleteFunc(trials, func(t trial) bool {
		_, err := j.Scenario.Cut(t.run.Cut)
		return err != nil
	})
}

// with returns the run with other faults.
func (j Job) with(faults chaos.Schedule) shrink.Run {
	r := j.Run
	r.Faults = faults
	return r
}

// ofFault leaves a fault out, and heals it earlier.
func (j Job) ofFault(f *FaultChanges, i int) []trial {
	all := j.Run.Faults
	f.Changes = []Change{{What: "left out"}}
	runs := []shrink.Run{j.with(slices.Delete(slices.Clone(all), i, i+1))}
	for _, length := range []time.Duration{(all[i].For / 2).Truncate(step), (all[i].For / 10).Truncate(step)} {
		if length > 0 {
			earlier := slices.Clone(all)
			earlier[i].For = length
			runs = append(runs, j.with(earlier))
			f.Changes = append(f.Changes, Change{What: fmt.Sprintf("healed after %s", length)})
		}
	}
	var trials []trial
	for n := range f.Changes {
		trials = append(trials, trial{&f.Changes[n], runs[n]})
	}
	return trials
}

func (f *FaultChanges) judge() {
	switch out := f.Changes[0]; {
	case out.Own:
		f.Mattered = Harmless
	case out.Fails > 0:
		f.Mattered = Helped
	default:
		f.Mattered = Needed
	}
}

// ofParts gives each machine that a fault names the place of another one of its role, and another card.
func (j Job) ofParts() []trial {
	named := map[string]bool{}
	for i := range j.Run.Faults {
		for _, name := range slices.Concat(j.Run.Faults[i].Target.A, j.Run.Faults[i].Target.B) {
			named[name] = true
		}
	}
	var trials []trial
	machines := j.Scenario.Topology.Machines
	for i := range machines {
		m := &machines[i]
		if !named[m.Name] {
			continue
		}
		if other := partner(machines, i, named); other != "" {
			trials = append(trials, trial{&Change{What: fmt.Sprintf("what befell %s befalls %s, and the other way round", m.Name, other)},
				j.with(exchanged(j.Run.Faults, m.Name, other))})
		}
		card := "nvme"
		if m.Card == card {
			card = "sd-good"
		}
		r := j.Run
		r.Cards = map[string]string{m.Name: card}
		trials = append(trials, trial{&Change{What: fmt.Sprintf("%s has a card %s, not %s", m.Name, card, m.Card)}, r})
	}
	return j.possible(trials)
}

// partner returns another machine with the role of one, the next of those that no fault names, or the next of those that one does.
func partner(machines []scenarios.Machine, of int, named map[string]bool) string {
	found := ""
	for n := 1; n < len(machines); n++ {
		m := &machines[(of+n)%len(machines)]
		if m.Role == machines[of].Role {
			if !named[m.Name] {
				return m.Name
			}
			found = cmp.Or(found, m.Name)
		}
	}
	return found
}

// exchanged aims what is aimed at one machine at another, and the other way round.
func exchanged(faults chaos.Schedule, a, b string) chaos.Schedule {
	swap := func(names []string) []string {
		names = slices.Clone(names)
		for i, name := range names {
			switch name {
			case a:
				names[i] = b
			case b:
				names[i] = a
			}
		}
		return names
	}
	faults = slices.Clone(faults)
	for i := range faults {
		faults[i].Target.A, faults[i].Target.B = swap(faults[i].Target.A), swap(faults[i].Target.B)
	}
	faults.Sort()
	return faults
}

// Before returns what there would be of a schedule if no fault began from a moment on, and those there are were healed then.
func Before(faults chaos.Schedule, at time.Duration) chaos.Schedule {
	var left chaos.Schedule
	for _, f := range faults {
		if f.At < at {
			f.For = min(f.For, at-f.At)
			left = append(left, f)
		}
	}
	return left
}

// whole returns the first moment from one on at which no fault is under way that takes its pace from its length: cut short it would do
// something else from its beginning on, and the branch would not be the run until then.
func whole(faults chaos.Schedule, t time.Duration) time.Duration {
	for i := range faults {
		f := &faults[i]
		if paced := f.Kind == chaos.SwizzleClog || f.Kind == chaos.ClockSmear; paced && f.At < t && t < f.End() {
			return whole(faults, f.End())
		}
	}
	return t
}

// moments branches the run at moments, and then between the last one after which it passes and the next.
func (j Job) moments(ctx context.Context, r *Report) error {
	ladder := ladder(j.Run.Faults)
	if err := j.branch(ctx, r, ladder); err != nil || len(ladder) == 0 {
		return err
	}
	fails := func(m Moment) bool { return m.Check == r.Check }
	if fails(r.Moments[0]) {
		return nil
	}
	last := len(r.Moments) - 1
	for last > 0 && fails(r.Moments[last]) {
		last--
	}
	c := &Certain{Not: r.Moments[last].At, From: reports.Seconds(j.Run.Faults.End())}
	if last+1 < len(r.Moments) {
		c.From = r.Moments[last+1].At
	}
	for time.Duration(c.From-c.Not) > step {
		middle := whole(j.Run.Faults, time.Duration(c.Not)+max(step, (time.Duration(c.From-c.Not)/2).Truncate(step)))
		if middle >= time.Duration(c.From) { // between the two a fault is under way that cannot be cut short
			break
		}
		if err := j.branch(ctx, r, []time.Duration{middle}); err != nil {
			return err
		}
		if m := r.Moments[len(r.Moments)-1]; fails(m) {
			c.From = m.At
		} else {
			c.Not = m.At
		}
	}
	r.Certain = c
	slices.SortFunc(r.Moments, func(a, b Moment) int { return cmp.Compare(a.At, b.At) })
	return nil
}

// ladder returns the moments at which something begins or is healed, at most so many: the first and the last are always among them.
func ladder(faults chaos.Schedule) []time.Duration {
	var all []time.Duration
	for i := range faults {
		for _, t := range []time.Duration{faults[i].At, faults[i].End(), faults[i].At + step} {
			all = append(all, whole(faults, t))
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) <= mostMoments {
		return all
	}
	var some []time.Duration
	for n := range mostMoments {
		some = append(some, all[n*(len(all)-1)/(mostMoments-1)])
	}
	return some
}

func (j Job) branch(ctx context.Context, r *Report, at []time.Duration) error {
	var runs []shrink.Run
	for _, t := range at {
		runs = append(runs, j.with(Before(j.Run.Faults, t)))
	}
	checks, err := j.play(ctx, r, runs)
	if err != nil {
		return err
	}
	for i, t := range at {
		r.Moments = append(r.Moments, Moment{At: reports.Seconds(t), Faults: len(runs[i].Faults), Check: checks[i]})
	}
	return nil
}
