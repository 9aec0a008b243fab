package scenarios

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/hw/twin"
	"picloud/reports"
	"picloud/scenarios/checks"
)

// again is how long after its end a process that ended by itself is started again.
const again = time.Second

// boot is how long a machine boots that has its power back (world.Config.BootTime).
const boot = 5 * time.Second

// machinesOf returns what became of the machines of a run.
func (s *Scenario) machinesOf(r *Run, top *chaos.Topology) []reports.Machine {
	var all []reports.Machine
	leads := leadsIn(r.Log)
	for _, m := range s.Topology.Machines {
		one := reports.Machine{Name: m.Name, Role: m.Role, Switch: m.Switch, States: statesOf(r, top, m.Name)}
		one.Leads = cutLeads(leads[m.Name], one.States, reports.Seconds(r.Ended))
		all = append(all, one)
	}
	return all
}

// statesOf returns when a machine was not up: for the faults that end or stop it, for what its board did, and for its own end.
func statesOf(r *Run, top *chaos.Topology, machine string) []reports.State {
	var states []reports.State
	add := func(kind reports.Condition, from, to time.Duration) {
		if from < r.Ended {
			states = append(states, reports.State{Kind: kind, From: reports.Seconds(from), To: reports.Seconds(min(to, r.Ended))})
		}
	}
	played := r.AsPlayed()
	bare := !slices.ContainsFunc(r.Boards, func(b reports.Board) bool { return b.Machine == machine }) // no board says when it boots
	for i := range played {
		f := &played[i]
		if r.Felt[i] == 0 || !top.Touches(f, machine) {
			continue
		}
		switch f.Kind {
		case chaos.Kill, chaos.PowerCut, chaos.SupplyOut, chaos.CrashAtOp, chaos.CrashAtPoint, chaos.DiskErase, chaos.DiskWipe, chaos.DiskRestore, chaos.DiskSwap, chaos.DiskClone:
			add(reports.Off, f.At, f.End())
			if bare && takesPower(f) {
				add(reports.Restarting, f.End(), f.End()+boot)
			}
		case chaos.MainsOut:
			if empty := f.At + time.Duration(f.Param("left"))*time.Millisecond; bare && empty < f.End() {
				add(reports.Off, empty, f.End())
				add(reports.Restarting, f.End(), f.End()+boot)
			}
		case chaos.RestartLoop:
			add(reports.Restarting, f.At, f.End())
		case chaos.BootInPast:
			add(reports.Restarting, f.At, f.At+boot)
		case chaos.Pause, chaos.Hang, chaos.StopHangs:
			reset := resetBy(r.Boards, machine, f)
			add(reports.Paused, f.At, reset)
			if f.Kind == chaos.StopHangs && reset == f.End() { // it is killed, and started again at once
				add(reports.Restarting, reset, reset)
			}
		}
	}
	for _, d := range r.Deaths {
		switch {
		case d.Machine != machine:
		case d.Over:
			add(reports.Off, time.Duration(d.At), time.Duration(speaksAgain(r, d)))
		default:
			add(reports.Restarting, time.Duration(d.At), time.Duration(d.At)+again)
		}
	}
	states = append(states, boardStates(r, machine)...)
	slices.SortStableFunc(states, func(a, b reports.State) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return cutStarts(states)
}

// cutStarts ends starts that a loss of power ended before they were done. The states are sorted.
func cutStarts(states []reports.State) []reports.State {
	for i := range states {
		for _, later := range states[i+1:] {
			if s := &states[i]; s.Kind == reports.Restarting && later.Kind == reports.Off && later.From < s.To {
				s.To = later.From
			}
		}
	}
	return states
}

// takesPower tells of a fault that ends all that runs on a machine whether it boots after it.
func takesPower(f *chaos.Fault) bool {
	switch f.Kind {
	case chaos.Kill:
		return false
	case chaos.CrashAtOp, chaos.CrashAtPoint:
		return f.Word("by") == chaos.ByPower
	}
	return true
}

// resetBy returns when a machine that hangs goes on: at the end of the fault, or when its board starts before.
func resetBy(boards reports.Boards, machine string, f *chaos.Fault) time.Duration {
	for i := range boards {
		for _, e := range boards[i].Events {
			if at := time.Duration(e.At); boards[i].Machine == machine && at > f.At && at < f.End() && e.Kind != string(twin.RelayOpened) && e.Kind != string(twin.RelayClosed) {
				return at
			}
		}
	}
	return f.End()
}

// boardStates returns when the board of a machine was without power, and when it booted.
func boardStates(r *Run, machine string) []reports.State {
	var states []reports.State
	for i := range r.Boards {
		if r.Boards[i].Machine != machine {
			continue
		}
		for _, e := range r.Boards[i].Events {
			switch twin.EventKind(e.Kind) {
			case twin.Started:
				for k := range states { // it may have been stopped more than once
					states[k].To = min(states[k].To, e.At)
				}
				if len(states) > 0 { // all begins with machines that have booted
					states = append(states, reports.State{Kind: reports.Restarting, From: e.At, To: min(e.At+reports.Seconds(boot), reports.Seconds(r.Ended))})
				}
			case twin.PowerOff, twin.UnderVoltageReset, twin.Halted, twin.Overheated:
				states = append(states, reports.State{Kind: reports.Off, From: e.At, To: reports.Seconds(r.Ended)})
			case twin.WatchdogReset:
				states = append(states, reports.State{Kind: reports.Restarting, From: e.At, To: reports.Seconds(r.Ended)})
			}
		}
	}
	return states
}

// speaksAgain returns when a later process of a dead one's machine says its first word, or the end of the run.
func speaksAgain(r *Run, d reports.Death) reports.Seconds {
	first := reports.Seconds(r.Ended)
	checks.EachLine(r.Log, func(at []byte, label string, _ []byte) {
		machine, _, _ := strings.Cut(label, "#")
		if now, is := secondsOf(at); is && machine == d.Machine && now > d.At {
			first = min(first, now)
		}
	})
	return first
}

// fencedMessage begins what a node says that its health has fenced: it ends, and that is right.
const fencedMessage = `"msg":"the node is fenced`

// excuseFenced marks the processes that ended with status 0 as their health had fenced the node.
func excuseFenced(deaths []reports.Death, log []byte) {
	if !slices.ContainsFunc(deaths, func(d reports.Death) bool { return d.Over }) {
		return
	}
	checks.EachLine(log, func(at []byte, label string, object []byte) {
		if !bytes.Contains(object, []byte(fencedMessage)) {
			return
		}
		machine, _, _ := strings.Cut(label, "#")
		now, is := secondsOf(at)
		for i := range deaths {
			if d := &deaths[i]; is && d.Over && d.Machine == machine && now <= d.At {
				d.AllowedBy = "its health, which has fenced it"
			}
		}
	})
}

// secondsOf reads the time of a line of the log.
func secondsOf(at []byte) (now reports.Seconds, is bool) {
	return now, now.UnmarshalJSON(bytes.TrimSuffix(at, []byte("s"))) == nil
}

// spoken is a lead with the process that said so.
type spoken struct {
	reports.Lead
	process int
	after   reports.Seconds // when a later process of its machine spoke, as long as it has not done so since; zero if none did
}

// hear takes that a process of the machine has said something. A later process leads nothing of before; but it may have been started beside the one
// that leads, which then goes on to speak.
func (l *spoken) hear(process int, now reports.Seconds) {
	switch {
	case l.To != 0:
	case process == l.process:
		l.after = 0
	case process > l.process && l.after == 0:
		l.after = now
	}
}

// end takes that the machine has said something else of a group.
func (l *spoken) end(group uint64, now reports.Seconds) {
	if l.Group == group && l.To == 0 {
		l.To = cmp.Or(l.after, now)
	}
}

// leadsIn returns by machine when its node said that it leads a group. What neither it nor a later process of its machine ended stays open: To is zero.
func leadsIn(log []byte) map[string][]reports.Lead {
	said := map[string][]spoken{}
	checks.EachLine(log, func(at []byte, label string, object []byte) {
		machine, number, _ := strings.Cut(label, "#")
		process, _ := strconv.Atoi(number)
		now, is := secondsOf(at)
		if !is {
			return
		}
		for i := range said[machine] {
			said[machine][i].hear(process, now)
		}
		var line saying
		if !line.read(object, leaderMessage) {
			return
		}
		for i := range said[machine] {
			said[machine][i].end(line.Group, now)
		}
		if line.Leads {
			said[machine] = append(said[machine], spoken{Lead: reports.Lead{Group: line.Group, Term: line.Term, From: now}, process: process})
		}
	})
	all := map[string][]reports.Lead{}
	for machine, leads := range said {
		for _, l := range leads {
			l.To = cmp.Or(l.To, l.after)
			all[machine] = append(all[machine], l.Lead)
		}
	}
	return all
}

// cutLeads ends the leads that a machine never ended where its process or the run did. A machine that is paused does not know yet that
// it leads no more, so it still says so. Real nodes may go on and elect when the run is over, which is no part of it.
func cutLeads(leads []reports.Lead, states []reports.State, end reports.Seconds) (kept []reports.Lead) {
	for _, l := range leads {
		if l.From >= end {
			continue
		}
		l.To = min(cmp.Or(l.To, end), end)
		for _, s := range states {
			if s.Kind != reports.Paused && s.From > l.From && s.From < l.To {
				l.To = s.From
			}
		}
		kept = append(kept, l)
	}
	return kept
}
