package scenarios

import (
	"reflect"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/reports"
)

const leaderLog = `1.5 pi-1#1 {"msg":"leader","group":0,"leads":true,"term":2}
3.0 pi-1#1 {"msg":"raft","says":"x"}
22.0 pi-2#1 {"msg":"leader","group":0,"leads":true,"term":3}
30.0 pi-2#1 {"msg":"leader","group":0,"leads":false,"term":3}
50.0 pi-1#2 {"msg":"leader","group":0,"leads":true,"term":4}
`

// hungPi returns the scenario of machines with boards, and a schedule for it.
func hungPi(t *testing.T, text string) (*Scenario, chaos.Schedule) {
	t.Helper()
	s, err := Load("hung-pi")
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := chaos.Parse("schedule.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	return s, schedule
}

// TestWhatBecameOfMachines of which one is killed while it leads, ends by itself, hangs until its watchdog resets it, and is told of a step of its
// clock, which changes nothing.
func TestWhatBecameOfMachines(t *testing.T) {
	s, schedule := hungPi(t, `20.000s +4.000s kill machine=pi-1
60.000s +40.000s hang machine=pi-1 watchdog=1
70.000s +5.000s pause machine=pi-3
71.000s +0.000s clock-step machine=pi-3 by=10ms
72.000s +5.000s power-cut machine=pi-4
`)
	top := s.ChaosTopology()
	got := s.machinesOf(&Run{Ended: 180 * time.Second, Schedule: schedule, Felt: []int64{1, 1, 1, 1, 0}, Log: []byte(leaderLog),
		Deaths: []reports.Death{{Machine: "pi-2", At: 40e9}},
		Boards: reports.Boards{{Machine: "pi-1", Events: []reports.BoardEvent{{At: 2e8, Kind: "started"}, {At: 75e9, Kind: "watchdog-reset"}, {At: 77e9, Kind: "started"}}}},
	}, &top)
	want := map[string]reports.Machine{
		"pi-1": {States: []reports.State{{Kind: reports.Off, From: 20e9, To: 24e9}, {Kind: reports.Paused, From: 60e9, To: 75e9}, {Kind: reports.Restarting, From: 75e9, To: 77e9}, {Kind: reports.Restarting, From: 77e9, To: 82e9}},
			Leads: []reports.Lead{{Group: 0, Term: 2, From: 1.5e9, To: 20e9}, {Group: 0, Term: 4, From: 50e9, To: 75e9}}},
		"pi-2": {States: []reports.State{{Kind: reports.Restarting, From: 40e9, To: 41e9}}, Leads: []reports.Lead{{Group: 0, Term: 3, From: 22e9, To: 30e9}}},
		"pi-3": {States: []reports.State{{Kind: reports.Paused, From: 70e9, To: 75e9}}},
		"pi-4": {}, // nothing came of its fault
	}
	became(t, got, want)
}

// became fails unless the machines of which something is wanted became that.
func became(t *testing.T, got []reports.Machine, want map[string]reports.Machine) {
	t.Helper()
	for _, m := range got {
		w, is := want[m.Name]
		if is && (!reflect.DeepEqual(m.States, w.States) || !reflect.DeepEqual(m.Leads, w.Leads)) {
			t.Errorf("%s: %+v, want %+v", m.Name, m, w)
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("nobody speaks of %v", want)
	}
}

const restartLog = `1.0 pi-1#1 {"msg":"leader","group":0,"leads":true,"term":2}
2.0 pi-2#1 {"msg":"leader","group":1,"leads":true,"term":2}
3.0 pi-3#1 {"msg":"leader","group":2,"leads":true,"term":2}
3.5 pi-4#1 {"msg":"leader","group":3,"leads":true,"term":2}
10.0 pi-4#2 {"msg":"raft","says":"x"}
12.0 pi-4#1 {"msg":"raft","says":"x"}
25.5 pi-1#2 {"msg":"raft","says":"x"}
35.1 pi-2#2 {"msg":"raft","says":"x"}
40.0 pi-3#2 {"msg":"raft","says":"x"}
41.0 pi-3#2 {"msg":"leader","group":2,"leads":true,"term":3}
90.0 pi-3#10 {"msg":"raft","says":"x"}
`

// TestNothingBecomesOfMachinesAfterTheRun: real nodes go on for a moment and elect, and what was to come after a run that ended early did not.
func TestNothingBecomesOfMachinesAfterTheRun(t *testing.T) {
	s, schedule := hungPi(t, "15.000s +10.000s power-cut machine=pi-2\n")
	top := s.ChaosTopology()
	got := s.machinesOf(&Run{Ended: 20 * time.Second, Schedule: schedule, Felt: []int64{1}, Log: []byte(`1.5 pi-1#1 {"msg":"leader","group":0,"leads":true,"term":2}
20.1 pi-1#1 {"msg":"leader","group":0,"leads":false,"term":2}
20.2 pi-1#1 {"msg":"leader","group":0,"leads":true,"term":3}
20.2 pi-3#1 {"msg":"leader","group":1,"leads":true,"term":3}
20.3 pi-3#1 {"msg":"leader","group":1,"leads":false,"term":3}
`)}, &top)
	became(t, got, map[string]reports.Machine{
		"pi-1": {Leads: []reports.Lead{{Group: 0, Term: 2, From: 1.5e9, To: 20e9}}},
		"pi-2": {States: []reports.State{{Kind: reports.Off, From: 15e9, To: 20e9}}},
		"pi-3": {},
	})
}

// TestANewProcessLeadsNothingOfBefore: neither after a boot in the past, a stop that hung, nor what nobody knows of. One that was started beside it,
// as it goes on to speak, ends nothing.
func TestANewProcessLeadsNothingOfBefore(t *testing.T) {
	s, schedule := hungPi(t, `20.000s +10.000s boot-in-past machine=pi-1
30.000s +5.000s stop-hangs machine=pi-2
178.000s +5.000s stop-hangs machine=pi-5
`)
	top := s.ChaosTopology()
	got := s.machinesOf(&Run{Ended: 180 * time.Second, Schedule: schedule, Felt: []int64{1, 1, 1}, Log: []byte(restartLog)}, &top)
	became(t, got, map[string]reports.Machine{
		"pi-1": {States: []reports.State{{Kind: reports.Restarting, From: 20e9, To: 25e9}}, Leads: []reports.Lead{{Group: 0, Term: 2, From: 1e9, To: 20e9}}},
		"pi-2": {States: []reports.State{{Kind: reports.Paused, From: 30e9, To: 35e9}, {Kind: reports.Restarting, From: 35e9, To: 35e9}},
			Leads: []reports.Lead{{Group: 1, Term: 2, From: 2e9, To: 35e9}}},
		"pi-3": {Leads: []reports.Lead{{Group: 2, Term: 2, From: 3e9, To: 40e9}, {Group: 2, Term: 3, From: 41e9, To: 90e9}}},
		"pi-4": {Leads: []reports.Lead{{Group: 3, Term: 2, From: 3.5e9, To: 180e9}}},
		"pi-5": {States: []reports.State{{Kind: reports.Paused, From: 178e9, To: 180e9}}}, // the run ends while it hangs
	})
}

// TestAStartEndsAllThatStoppedABoard, one reset by its watchdog before its stop was over, which kills nobody, and whose card was only copied.
func TestAStartEndsAllThatStoppedABoard(t *testing.T) {
	s, schedule := hungPi(t, `10.000s +5.000s disk-clone machines=pi-3,pi-4
30.000s +20.000s stop-hangs machine=pi-2
`)
	top := s.ChaosTopology()
	got := s.machinesOf(&Run{Ended: 180 * time.Second, Schedule: schedule, Felt: []int64{1, 1}, Boards: reports.Boards{
		{Machine: "pi-1", Events: []reports.BoardEvent{{At: 50e9, Kind: "watchdog-reset"}, {At: 52e9, Kind: "power-off"}, {At: 60e9, Kind: "started"}, {At: 62e9, Kind: "power-off"}}},
		{Machine: "pi-2", Events: []reports.BoardEvent{{At: 45e9, Kind: "watchdog-reset"}, {At: 46e9, Kind: "started"}}},
	}}, &top)
	became(t, got, map[string]reports.Machine{
		"pi-1": {States: []reports.State{{Kind: reports.Restarting, From: 50e9, To: 52e9}, {Kind: reports.Off, From: 52e9, To: 60e9}, {Kind: reports.Restarting, From: 60e9, To: 62e9}, {Kind: reports.Off, From: 62e9, To: 180e9}}},
		"pi-2": {States: []reports.State{{Kind: reports.Paused, From: 30e9, To: 45e9}, {Kind: reports.Restarting, From: 45e9, To: 46e9}, {Kind: reports.Restarting, From: 46e9, To: 51e9}}},
		"pi-3": {},
		"pi-4": {States: []reports.State{{Kind: reports.Off, From: 10e9, To: 15e9}, {Kind: reports.Restarting, From: 15e9, To: 20e9}}},
	})
}

// TestMachinesBoot after they lost their power, and not after they were only killed; a shelf whose battery is not empty yet goes on.
func TestMachinesBoot(t *testing.T) {
	s, schedule := hungPi(t, `10.000s +4.000s power-cut machine=pi-1
17.000s +3.000s power-cut machine=pi-1
10.000s +4.000s kill machine=pi-2
30.000s +4.000s crash-at-op machine=pi-2 by=power op=sync n=1
40.000s +4.000s crash-at-op machine=pi-2 by=kill op=sync n=1
50.000s +20.000s mains-out switch=shelf-2 left=8000ms
80.000s +5.000s mains-out switch=shelf-2 left=8000ms
`)
	top := s.ChaosTopology()
	got := s.machinesOf(&Run{Ended: 180 * time.Second, Schedule: schedule, Felt: []int64{1, 1, 1, 1, 1, 1, 1}}, &top)
	became(t, got, map[string]reports.Machine{
		"pi-1": {States: []reports.State{{Kind: reports.Off, From: 10e9, To: 14e9}, {Kind: reports.Restarting, From: 14e9, To: 17e9},
			{Kind: reports.Off, From: 17e9, To: 20e9}, {Kind: reports.Restarting, From: 20e9, To: 25e9}}},
		"pi-2": {States: []reports.State{{Kind: reports.Off, From: 10e9, To: 14e9}, {Kind: reports.Off, From: 30e9, To: 34e9}, {Kind: reports.Restarting, From: 34e9, To: 39e9},
			{Kind: reports.Off, From: 40e9, To: 44e9}}},
		"pi-4": {States: []reports.State{{Kind: reports.Off, From: 58e9, To: 70e9}, {Kind: reports.Restarting, From: 70e9, To: 75e9}}},
	})
}

const endsLog = `39.0 pi-1#1 {"msg":"the node is fenced: it ends, and is not to be started again with this card"}
50.0 pi-2#1 {"msg":"raft"}
80.0 pi-2#2 {"msg":"raft"}
`

// TestWhoEndsWithStatusZeroIsOff until somebody speaks there again. Only health, which has fenced a node, excuses it.
func TestWhoEndsWithStatusZeroIsOff(t *testing.T) {
	s, schedule := hungPi(t, "55.000s +1.000s disk-full machine=pi-2\n")
	result := s.Unjudged(Run{Ended: 180 * time.Second, Schedule: schedule, Felt: []int64{1}, Log: []byte(endsLog), Deaths: []reports.Death{
		{Machine: "pi-1", At: 40e9, Reason: "exit status 0", Over: true}, {Machine: "pi-2", At: 60e9, Reason: "exit status 0", Over: true}}})
	became(t, result.Machines, map[string]reports.Machine{
		"pi-1": {States: []reports.State{{Kind: reports.Off, From: 40e9, To: 180e9}}},
		"pi-2": {States: []reports.State{{Kind: reports.Off, From: 60e9, To: 80e9}}},
	})
	if by := result.Deaths[0].AllowedBy; by == "" {
		t.Error("who was fenced had no reason to end")
	}
	if by := result.Deaths[1].AllowedBy; by != "" {
		t.Errorf("who said nothing was right to end: %s", by)
	}
}
