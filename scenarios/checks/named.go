package checks

import (
	"fmt"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/reports"
)

// sign is how a monitor can know a kind of fault.
type sign struct {
	alerts []string
	least  time.Duration // a fault that is shorter is gone before anybody can say so
	within time.Duration // of the fault's end, or of its beginning where it has none
}

// signs are the kinds of faults whose cause an alert names by machine.
func signs() map[chaos.Kind]sign {
	const (
		scrapes = 10 * time.Second // a few looks of the monitor
		down    = 14 * time.Second // NodeDown's own patience, and a look
	)
	restarted := sign{[]string{"NodeRestarted", "NodeDown"}, 0, scrapes + 10*time.Second} // a node takes some seconds to start
	silent := sign{[]string{"NodeDown"}, down, scrapes}
	return map[chaos.Kind]sign{
		chaos.Kill: restarted, chaos.PowerCut: restarted,
		chaos.Pause: silent, chaos.PartitionOne: silent, chaos.PartitionMinority: silent,
		chaos.ClockStep:   {[]string{"ClockOff"}, 0, scrapes},
		chaos.ClockOffset: {[]string{"ClockOff"}, scrapes, scrapes},
	}
}

// clockLeast is how far a clock must be off for an alert to say so, ms: the alert's own threshold and a bit.
const clockLeast = 5000

// Named judges whether alerts name the causes: for each fault that an alert can name, one about its machine must have fired
// while it lasted or soon afterwards. Faults that are too short or too small for that, or that had no effect, do not count, nor
// do those that another fault on the same machine hides.
func Named(s chaos.Schedule, felt []int64, alerts []reports.Alert, end time.Duration, sharePPM int64, minimum int) reports.Check {
	c := reports.Check{Name: "named", Status: reports.Pass}
	named := 0
	var missed *chaos.Fault
	for i := range s {
		f := &s[i]
		sign, known := signs()[f.Kind]
		if !known || felt[i] == 0 || f.End() > end || f.Kind != chaos.ClockStep && f.For < sign.least || clockKind(f.Kind) && abs(f.Param("by")) < clockLeast || hidden(s, i) {
			continue
		}
		for _, machine := range f.Target.A {
			c.Count++
			if namedBy(alerts, sign, machine, f) {
				named++
			} else if missed == nil {
				missed = f
			}
		}
	}
	c.Detail = fmt.Sprintf("alerts named %d of %d causes on machines", named, c.Count)
	if int64(named)*1_000_000 < sharePPM*int64(c.Count) {
		c.Status = reports.Fail
		c.Detail += fmt.Sprintf(", %d ppm are wanted; none named %s", sharePPM, missed)
		return c
	}
	atLeast(&c, minimum, "causes that an alert can name")
	return c
}

func clockKind(k chaos.Kind) bool { return k == chaos.ClockStep || k == chaos.ClockOffset }

func abs(n int64) int64 { return max(n, -n) }

// hidden tells whether the machine of a fault was out, or its clock moved again, for another reason at that time.
func hidden(s chaos.Schedule, at int) bool {
	f := &s[at]
	for i := range s {
		g := &s[i]
		spec, _ := chaos.Lookup(g.Kind)
		out := spec.Out || spec.Restarts || spec.AllowsDeath || clockKind(f.Kind) && spec.Class == chaos.ClassClock
		if i != at && out && g.At <= f.End()+20*time.Second && f.At <= g.End()+20*time.Second {
			for _, name := range f.Target.A {
				if slices.Contains(g.Target.A, name) || g.Target.Type == chaos.OnSwitch || g.Target.Type == chaos.OnSides || g.Target.Type == chaos.OnMachines {
					return true
				}
			}
		}
	}
	return false
}

func namedBy(alerts []reports.Alert, sign sign, machine string, f *chaos.Fault) bool {
	for i := range alerts {
		a := &alerts[i]
		if slices.Contains(sign.alerts, a.Name) && a.Labels["instance"] == machine &&
			time.Duration(a.From) <= f.End()+sign.within && time.Duration(a.To) >= f.At {
			return true
		}
	}
	return false
}
