package scenarios

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/hw/twin"
	"picloud/reports"
	"picloud/scenarios/checks"
)

// again is how long after its end a process that ended by itself is started again.
const again = time.Second

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
		states = append(states, reports.State{Kind: kind, From: reports.Seconds(from), To: reports.Seconds(min(to, r.Ended))})
	}
	played := r.AsPlayed()
	for i := range played {
		f := &played[i]
		if r.Felt[i] == 0 || !top.Touches(f, machine) {
			continue
		}
		switch f.Kind {
		case chaos.Kill, chaos.PowerCut, chaos.SupplyOut, chaos.CrashAtOp, chaos.CrashAtPoint, chaos.DiskErase, chaos.DiskWipe, chaos.DiskRestore, chaos.DiskSwap, chaos.DiskClone:
			add(reports.Off, f.At, f.End())
		case chaos.RestartLoop:
			add(reports.Restarting, f.At, f.End())
		case chaos.Pause, chaos.Hang, chaos.StopHangs:
			add(reports.Paused, f.At, resetBy(r.Boards, machine, f))
		}
	}
	for _, d := range r.Deaths {
		if d.Machine == machine {
			add(reports.Restarting, time.Duration(d.At), time.Duration(d.At)+again)
		}
	}
	states = append(states, boardStates(r, machine)...)
	slices.SortStableFunc(states, func(a, b reports.State) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return states
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
				if n := len(states); n > 0 {
					states[n-1].To = min(states[n-1].To, e.At)
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

// leadsIn returns by machine when its node said that it leads a group. What it did not end stays open: To is zero.
func leadsIn(log []byte) map[string][]reports.Lead {
	all := map[string][]reports.Lead{}
	checks.EachLine(log, func(at []byte, process string, object []byte) {
		var line saying
		var now reports.Seconds
		if !line.read(object, leaderMessage) || now.UnmarshalJSON(bytes.TrimSuffix(at, []byte("s"))) != nil {
			return
		}
		machine, _, _ := bytes.Cut([]byte(process), []byte("#"))
		leads := all[string(machine)]
		for i := range leads {
			if leads[i].Group == line.Group && leads[i].To == 0 {
				leads[i].To = now
			}
		}
		if line.Leads {
			leads = append(leads, reports.Lead{Group: line.Group, Term: line.Term, From: now})
		}
		all[string(machine)] = leads
	})
	return all
}

// cutLeads ends the leads that a machine never ended where its process or the run did. A machine that is paused does not know yet that
// it leads no more, so it still says so.
func cutLeads(leads []reports.Lead, states []reports.State, end reports.Seconds) []reports.Lead {
	for i := range leads {
		l := &leads[i]
		if l.To == 0 {
			l.To = end
		}
		for _, s := range states {
			if s.Kind != reports.Paused && s.From > l.From && s.From < l.To {
				l.To = s.From
			}
		}
	}
	return leads
}
