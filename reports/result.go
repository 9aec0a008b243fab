// Package reports holds what a run leaves for people and programs: result.json, timeline.json,
// summary.txt, report.html and junit.xml, all made from the same facts, and timing.json with what was
// measured in real time. It sees no simulator.
//
// Invariants: the same result gives the same bytes; a file is there whole or not at all; nothing
// but timing.json depends on real time or on the machine. A run is never green when a check
// could not decide or a required fault was not felt.
package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Status is the outcome of a check, and of a whole run.
type Status string

// The outcomes.
const (
	Pass         Status = "pass"
	Fail         Status = "fail"
	Inconclusive Status = "inconclusive"
)

// Seconds is virtual time since the run began. In JSON it is a number of seconds, exact to the
// nanosecond.
type Seconds time.Duration

// MarshalJSON prints seconds without trailing zeros: 12.5.
func (s Seconds) MarshalJSON() ([]byte, error) {
	sign, n := "", int64(s)
	if n < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%s%d.%09d", sign, n/1e9, n%1e9)
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}

// UnmarshalJSON reads what MarshalJSON prints.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	whole, part, _ := strings.Cut(strings.TrimPrefix(string(b), "-"), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err == nil && len(part) <= 9 {
		var fraction int64
		fraction, err = strconv.ParseInt((part + "000000000")[:9], 10, 64)
		n = n*1e9 + fraction
	}
	if err != nil || len(part) > 9 {
		return fmt.Errorf("%q is not a time in seconds", b)
	}
	if b[0] == '-' {
		n = -n
	}
	*s = Seconds(n)
	return nil
}

// String prints seconds with milliseconds: 12.500s.
func (s Seconds) String() string {
	return fmt.Sprintf("%d.%03ds", int64(s)/1e9, int64(s)%1e9/1e6)
}

// Operations counts what the clients did, by outcome.
type Operations struct {
	OK      int `json:"ok"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
}

// Check is the judgement of one promise.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Count  int    `json:"count"`            // what it looked at: operations, writes, faults
	Detail string `json:"detail,omitempty"` // why, or over what it was judged

	Proof *Proof `json:"proof,omitempty"` // of a history that is not linearizable
	Harm  *Harm  `json:"harm,omitempty"`  // of one that failed, if it can be said who was done wrong
}

// Harm is who was done wrong, by what made a check fail.
type Harm struct {
	Clients  int     `json:"clients"`
	Times    int     `json:"times"`
	First    Seconds `json:"first"` // when the first of them knew, or could have
	Last     Seconds `json:"last"`
	Promised Seconds `json:"promised,omitempty"` // when the first of what did not last had been acknowledged
}

// Fault is a fault that was played, and whether anything came of it.
type Fault struct {
	Kind     string   `json:"kind"`
	Class    string   `json:"class"` // process, clock, network, disk or hardware
	Target   string   `json:"target"`
	Aim      string   `json:"aim,omitempty"`    // what the schedule names, where that is a part in a group: "leader:0"
	On       []string `json:"on,omitempty"`     // the machines that the target stands for
	Out      bool     `json:"out,omitempty"`    // while it stands, a machine or a link serves nobody
	Mild     bool     `json:"mild,omitempty"`   // it takes hardly any time, and does no harm by itself
	Spoils   bool     `json:"spoils,omitempty"` // it damages what is stored, for good
	Params   string   `json:"params,omitempty"` // "rate=50000ppm delay=20ms"
	From     Seconds  `json:"from"`
	To       Seconds  `json:"to"`
	Required bool     `json:"required"`
	Felt     bool     `json:"felt"`
	Times    int64    `json:"times"` // how many packets, calls, ... it changed

	// What alerts made of it, if a monitor looked.
	Must     bool    `json:"must_be_named,omitempty"` // an alert had to name it
	Named    *Naming `json:"named,omitempty"`
	Missed   bool    `json:"missed,omitempty"`    // it had to be named, no alert did in time, and nothing hid it
	HiddenBy string  `json:"hidden_by,omitempty"` // the fault for which it could not be seen
	NeedNot  string  `json:"need_not,omitempty"`  // why no alert need name it
}

// Where returns what the fault hit, and for which part in a group the machine stood if it was aimed at one: "pi-4 (leader:0)".
func (f *Fault) Where() string {
	if f.Aim == "" || f.Aim == f.Target {
		return f.Target
	}
	return f.Target + " (" + f.Aim + ")"
}

// Line returns the fault in one line.
func (f *Fault) Line() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s at %s %s", f.Kind, f.Where(), f.From, f.Params))
}

// excuses tells whether the end of a process is put down to the fault.
func (f *Fault) excuses(d *Death) bool {
	began, _, _ := strings.Cut(d.AllowedBy, "s ")
	at := new(Seconds)
	return at.UnmarshalJSON([]byte(began)) == nil && *at == f.From && strings.Contains(d.AllowedBy, " "+f.Kind+" ") && slices.Contains(f.On, d.Machine)
}

// Death is a process that ended by itself.
type Death struct {
	Machine   string  `json:"machine"`
	At        Seconds `json:"at"`
	Reason    string  `json:"reason"` // "panic: ..." or "exit status 1"
	Stack     string  `json:"stack,omitempty"`
	AllowedBy string  `json:"allowed_by,omitempty"` // the fault that excuses it, or what else does
	Over      bool    `json:"over,omitempty"`       // with status 0, after which nobody starts it again
}

// judging is the name of the check that stands in the place of all while they are made.
const judging = "judging"

// Judging returns the check that stands in the place of all while they are made.
func Judging() Check {
	return Check{Name: judging, Status: Inconclusive, Detail: "the checks have not come to an end"}
}

// unjudged tells whether the checks have not been made.
func (r *Result) unjudged() bool {
	return len(r.Checks) == 0 || len(r.Checks) == 1 && r.Checks[0].Name == judging
}

// Result is the facts of a run.
type Result struct {
	Scenario         string     `json:"scenario"`
	Moral            string     `json:"moral,omitempty"` // what the scenario shows, in one line
	Seed             uint64     `json:"seed"`
	Verdict          Status     `json:"verdict"`
	TraceHash        string     `json:"trace_hash"`
	SimulatedSeconds Seconds    `json:"simulated_seconds"`
	HealedAt         Seconds    `json:"healed_at"` // when the last part began, with no fault left
	Operations       Operations `json:"operations"`
	Checks           []Check    `json:"checks"`
	Faults           []Fault    `json:"faults"`
	Deaths           []Death    `json:"deaths,omitempty"`
	Impact           *Impact    `json:"impact,omitempty"`
	Machines         []Machine  `json:"machines,omitempty"`
	Hardships        []Hardship `json:"hardships,omitempty"`   // of modelled boards
	Alerts           []Alert    `json:"alerts,omitzero"`       // that fired; nil if nobody looked
	Score            *Score     `json:"alert_score,omitempty"` // nil if nobody looked

	Tiers  map[string]Tier `json:"tiers,omitempty"`  // what a monitor counted, by the tiers' names
	Replay string          `json:"replay,omitempty"` // the command that repeats the run

	Minimal *Minimal `json:"-"` // what it was cut down to, which is known later and stands in a file of its own
}

// livePrefix begins what stands in the place of a trace's hash where real processes ran.
const livePrefix = "live-"

// LiveHash marks the sum of what the clients of a live run saw, which has no trace.
func LiveHash(sum []byte) string { return fmt.Sprintf("%s%x", livePrefix, sum) }

// IsLive tells by a run's hash whether real processes ran.
func IsLive(hash string) bool { return strings.HasPrefix(hash, livePrefix) }

// length says how long the run was, by which clock.
func (r *Result) length() string {
	if IsLive(r.TraceHash) {
		return r.SimulatedSeconds.String() + " of real time"
	}
	return r.SimulatedSeconds.String() + " simulated"
}

// Judge sets the verdict: fail if a check fails; otherwise inconclusive if a check is, if there
// is none, or if a required fault was not felt; otherwise pass.
func (r *Result) Judge() {
	r.Verdict = Pass
	if len(r.Checks) == 0 {
		r.Verdict = Inconclusive
	}
	for _, f := range r.Faults {
		if f.Required && !f.Felt {
			r.Verdict = Inconclusive
		}
	}
	for _, c := range r.Checks {
		switch {
		case c.Status == Fail:
			r.Verdict = Fail
			return
		case c.Status != Pass:
			r.Verdict = Inconclusive
		}
	}
}

// Broken returns the name of the first check that failed, or nothing.
func (r *Result) Broken() string {
	for _, c := range r.Checks {
		if c.Status == Fail {
			return c.Name
		}
	}
	return ""
}

// Cause says in one line why the verdict is what it is.
func (r *Result) Cause() string {
	for _, status := range []Status{Fail, Inconclusive} {
		for _, c := range r.Checks {
			if c.Status == status {
				line, _, _ := strings.Cut(c.Detail, "\n")
				return c.Name + ": " + strings.TrimSuffix(line, ":")
			}
		}
	}
	for _, f := range r.Faults {
		if f.Required && !f.Felt {
			return "the required fault " + f.Kind + " " + f.Target + " was not felt"
		}
	}
	if len(r.Checks) == 0 {
		return "nothing was checked"
	}
	return "every check passed and every required fault was felt"
}

// kindsByClass returns the kinds that occur, those of a class together.
func kindsByClass(faults []Fault) []string {
	order := []string{"process", "clock", "network", "disk"}
	classes := map[string]int{}
	var kinds []string
	for i := range faults {
		if f := &faults[i]; !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
			classes[f.Kind] = slices.Index(order, f.Class)
		}
	}
	slices.SortFunc(kinds, func(a, b string) int {
		return cmp.Or(classes[a]-classes[b], strings.Compare(a, b))
	})
	return kinds
}
