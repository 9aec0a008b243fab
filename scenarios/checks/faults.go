package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/reports"
)

// deathGrace is how long after its healing a fault still excuses the end of a process: what began
// on a slow card in the fault's last moment goes on, and a program gives up on it when its own
// patience ends, which is eight seconds where it is longest.
const deathGrace = 10 * time.Second

// Excuse marks processes that ended by themselves, with a panic or an exit, with the fault that excuses
// each: one that allows it, that was felt, and that was active on that machine. How often each was felt stands in the order of the schedule.
// Damage to stored data excuses until the end of the run, as nobody knows when it is read.
func Excuse(deaths []reports.Death, top *chaos.Topology, s chaos.Schedule, felt []int64) {
	for i := range deaths {
		deaths[i].AllowedBy = excuse(&deaths[i], top, s, felt)
	}
}

// Deaths judges the processes that ended by themselves: of each it must be marked which fault excuses
// it. Count is the number of deaths.
func Deaths(deaths []reports.Death) reports.Check {
	c := reports.Check{Name: "no-unexpected-death", Status: reports.Pass, Count: len(deaths)}
	var unexpected []reports.Death
	for i := range deaths {
		if deaths[i].AllowedBy == "" {
			unexpected = append(unexpected, deaths[i])
		}
	}
	c.Detail = fmt.Sprintf("%d processes ended by themselves, each for a reason that excuses it", len(deaths))
	if len(deaths) == 0 {
		c.Detail = "no process ended by itself"
	}
	if len(unexpected) > 0 {
		d := unexpected[0]
		c.Status = reports.Fail
		reason := d.Reason
		if printed := d.Printed(); printed != "" {
			reason += ": " + printed
		}
		c.Detail = fmt.Sprintf("%d processes ended by themselves without a fault that excuses "+
			"it; %s at %s: %s\n%s",
			len(unexpected), d.Machine, d.At, reason, d.Stack)
		c.Detail = strings.TrimSuffix(c.Detail, "\n")
	}
	return c
}

// race begins the reason of a process that the race detector ended.
const race = "data race: "

func excuse(d *reports.Death, top *chaos.Topology, s chaos.Schedule, felt []int64) string {
	if d.Over || strings.HasPrefix(d.Reason, race) { // no fault makes a program believe that it is done, or leave out a lock
		return ""
	}
	at := time.Duration(d.At)
	for i := range s {
		f := &s[i]
		spec, ok := chaos.Lookup(f.Kind)
		if felt[i] == 0 || !ok || !spec.AllowsDeath || at < f.At || !top.Touches(f, d.Machine) {
			continue
		}
		if spec.Harm != chaos.HarmNone || at <= f.End()+deathGrace {
			return f.String()
		}
	}
	return ""
}

// Felt judges whether each required kind of fault had an effect at least once in the run, and
// marks one fault of each as required: the first that was felt, or else the first. Count is the
// number of faults that were felt.
func Felt(faults []reports.Fault, required []chaos.Kind) reports.Check {
	c := reports.Check{Name: "faults-felt", Status: reports.Pass}
	for i := range faults {
		if faults[i].Felt {
			c.Count++
		}
	}
	var missing []string
	for _, k := range required {
		ofKind := func(f reports.Fault) bool { return f.Kind == string(k) }
		i := slices.IndexFunc(faults, func(f reports.Fault) bool { return ofKind(f) && f.Felt })
		if i < 0 {
			missing = append(missing, string(k))
			i = slices.IndexFunc(faults, ofKind)
		}
		if i >= 0 {
			faults[i].Required = true
		}
	}
	c.Detail = fmt.Sprintf("%d of %d faults were felt, among them all %d required kinds",
		c.Count, len(faults), len(required))
	if len(missing) > 0 {
		c.Status = reports.Inconclusive
		c.Detail = fmt.Sprintf("required and not felt: %s", strings.Join(missing, ", "))
	}
	return c
}
