package scenarios

import (
	"strings"
	"testing"

	"picloud/chaos"
	"picloud/reports"
)

// TestWhoLeadsIsWhatNodesHaveSaid: the latest term counts, whoever speaks last of an old one; who says that it leads no more has no
// successor until somebody says so; and changes of members are followed.
func TestWhoLeadsIsWhatNodesHaveSaid(t *testing.T) {
	p := &Parts{groups: []group{{members: []string{"pi-1", "pi-2", "pi-3"}}, {members: []string{"pi-1"}}}}
	steps := []struct{ machine, line, leader, follower string }{
		{"pi-1", `{"msg":"state","group":0}`, "", ""},
		{"pi-1", `{"msg":"leader","group":0,"leads":true,"term":2}`, "pi-1", "pi-2"},
		{"pi-1", `{"msg":"leader","group":1,"leads":true,"term":9}`, "pi-1", "pi-2"},
		{"pi-3", `{"msg":"leader","group":0,"leads":true,"term":3}`, "pi-3", "pi-1"},
		{"pi-1", `{"msg":"leader","group":0,"leads":false,"term":3}`, "pi-3", "pi-1"},
		{"pi-2", `{"msg":"leader","group":0,"leads":true,"term":2}`, "pi-3", "pi-1"},
		{"pi-3", `{"msg":"change ends","group":0,"what":"remove pi-1","error":""}`, "pi-3", "pi-2"},
		{"pi-3", `{"msg":"change ends","group":0,"what":"remove pi-2","error":"it did not"}`, "pi-3", "pi-2"},
		{"pi-3", `{"msg":"change ends","group":0,"what":"add pi-7","error":""}`, "pi-3", "pi-2"},
		{"pi-3", `{"msg":"change ends","group":0,"what":"remove pi-2","error":""}`, "pi-3", "pi-7"},
		{"pi-3", `{"msg":"leader","group":0,"leads":false,"term":3}`, "", ""},
		{"pi-3", `{"msg":"leader","group":7,"leads":true,"term":3}`, "", ""},
	}
	for _, s := range steps {
		p.Hear(s.machine, []byte(s.line+"\n"))
		leader, known := p.Who(chaos.Part{Name: chaos.Leader})
		follower, _ := p.Who(chaos.Part{Name: chaos.Follower})
		if leader != s.leader || known != (leader != "") || follower != s.follower {
			t.Errorf("after %s: %s\nthe leader is %q and a follower %q, want %q and %q", s.machine, s.line, leader, follower, s.leader, s.follower)
		}
	}
}

// TestARunIsJudgedByWhatWasHit: the schedule stays as it was written, so that it can be played again, and all else sees the machine.
func TestARunIsJudgedByWhatWasHit(t *testing.T) {
	s, r := perfectRun(t, 1)
	parse := func(text string) chaos.Schedule {
		schedule, err := chaos.Parse("schedule", text)
		if err != nil {
			t.Fatal(err)
		}
		return schedule
	}
	r.Schedule = parse("20s +5s kill machine=leader:0\n30s +9s crash-at-op machine=pi-3 n=7\n")
	r.Played = parse("20s +5s kill machine=pi-2\n33s +6s crash-at-op machine=pi-3 n=7\n")
	r.Felt = []int64{1, 1}
	folder := t.TempDir()
	if err := s.Save(folder, r); err != nil {
		t.Fatal(err)
	}
	_, again, err := LoadRun(folder)
	if err != nil {
		t.Fatal(err)
	}
	if again.Schedule.String() != r.Schedule.String() || again.Played.String() != r.Played.String() {
		t.Errorf("written\n%splayed\n%s", again.Schedule, again.Played)
	}
	result := s.Judge(again)
	if f := result.Faults[0]; f.Where() != "pi-2 (leader:0)" || strings.Join(f.On, " ") != "pi-2" {
		t.Errorf("%+v", f)
	}
	states := map[string]reports.State{}
	for _, m := range result.Machines {
		for _, state := range m.States {
			if state.Kind == reports.Off {
				states[m.Name] = state
			}
		}
	}
	if two, three := states["pi-2"], states["pi-3"]; two.Kind != reports.Off || two.From.String() != "20.000s" || three.Kind != reports.Off || three.From.String() != "33.000s" {
		t.Errorf("pi-2 is %+v, pi-3 %+v", two, three)
	}
}
