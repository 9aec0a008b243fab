package checks

import (
	"testing"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios/history"
)

func TestAHealthyMajorityMakesProgress(t *testing.T) {
	top := chaos.Topology{Switches: []string{"s"}}
	for _, name := range []string{"pi-1", "pi-2", "pi-3", "client"} {
		top.Machines = append(top.Machines, chaos.Machine{Name: name, Role: "node", Switch: "s"})
	}
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	for _, c := range []struct {
		name     string
		schedule string
		deaths   []reports.Death
		gap      [2]int // seconds without a success
		want     reports.Status
	}{
		{"nothing happens", "", nil, [2]int{}, reports.Pass},
		{"nobody is well", "0s +40s disk-stall machine=pi-1\n0s +40s disk-stall machine=pi-2", nil, [2]int{0, 30}, reports.Inconclusive},
		{"nothing happens and nothing succeeds", "", nil, [2]int{10, 20}, reports.Fail},
		{"a short gap", "", nil, [2]int{10, 14}, reports.Pass},
		{"one of three hangs", "10s +12s disk-stall machine=pi-1", nil, [2]int{10, 20}, reports.Fail},
		{"two of three hang", "10s +12s disk-stall machine=pi-1\n10s +12s disk-stall machine=pi-2", nil, [2]int{10, 20}, reports.Pass},
		{"one hangs and one is not well yet", "2s +7s disk-stall machine=pi-1\n10s +12s disk-stall machine=pi-2", nil, [2]int{8, 17}, reports.Pass},
		{"one hangs and one is damaged", "1s +0s disk-rot machine=pi-1 bits=8\n10s +12s disk-stall machine=pi-2", nil, [2]int{10, 20}, reports.Pass},
		{"one hangs and one has lost what it wrote", "1s +1s disk-misdirected-write machine=pi-1 count=1\n10s +12s disk-stall machine=pi-2", nil, [2]int{10, 20}, reports.Pass},
		{"one has the copy of another one's card, who goes on", "1s +1s disk-clone machines=pi-1,pi-2", nil, [2]int{10, 20}, reports.Fail},
		{"one hangs and one has died", "10s +12s disk-stall machine=pi-2", []reports.Death{{Machine: "pi-1", At: reports.Seconds(second(9))}}, [2]int{10, 18}, reports.Pass},
		{"one hangs, and its link to another is bad", "10s +12s disk-stall machine=pi-1\n12s +8s net-loss link=pi-1>pi-2", nil, [2]int{10, 20}, reports.Fail},
		{"one hangs, and the link of the others is bad", "10s +12s disk-stall machine=pi-1\n10s +12s net-loss link=pi-3>pi-2", nil, [2]int{10, 20}, reports.Pass},
		{"one is cut off", "10s +12s partition-oneway link=pi-1>*", nil, [2]int{10, 20}, reports.Fail},
		{"one is cut off from the client alone", "10s +12s partition-oneway link=pi-1>client", nil, [2]int{10, 20}, reports.Pass},
		{"one is limping", "10s +12s net-loss link=pi-1>*", nil, [2]int{10, 20}, reports.Pass},
		{"the client's link is bad", "10s +12s net-loss link=client>*", nil, [2]int{10, 20}, reports.Pass},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := chaos.Parse("schedule", c.schedule)
			if err != nil {
				t.Fatal(err)
			}
			var h history.History
			for i := range 300 {
				at := time.Duration(i) * 100 * time.Millisecond
				o := history.Operation{Kind: history.Read, Key: "k", Call: at, Return: at + time.Millisecond, Outcome: history.OK}
				if at >= second(c.gap[0]) && at < second(c.gap[1]) {
					o.Outcome = history.Failed
				}
				h = append(h, o)
			}
			q := Quorum{Members: []string{"pi-1", "pi-2", "pi-3"}, Within: second(5), Recovery: second(5)}
			if got := Progress(h, q, &top, s, c.deaths); got.Status != c.want {
				t.Errorf("got %s: %s", got.Status, got.Detail)
			}
		})
	}
}

// TestReadsMayBeNoProgress has a leader whose disk hangs and who goes on to answer reads.
func TestReadsMayBeNoProgress(t *testing.T) {
	top := chaos.Topology{Switches: []string{"s"}, Machines: []chaos.Machine{
		{Name: "pi-1", Role: "node", Switch: "s"}, {Name: "pi-2", Role: "node", Switch: "s"}, {Name: "pi-3", Role: "node", Switch: "s"}}}
	s, err := chaos.Parse("schedule", "10s +10s disk-stall machine=pi-1")
	if err != nil {
		t.Fatal(err)
	}
	var h history.History
	for at := time.Duration(0); at < 30*time.Second; at += 100 * time.Millisecond {
		h = append(h, history.Operation{Kind: history.Read, Key: "k", Call: at, Return: at, Outcome: history.OK})
		if at < 10*time.Second || at > 20*time.Second {
			h = append(h, history.Operation{Kind: history.Write, Key: "k", Value: "v", Call: at, Return: at, Outcome: history.OK})
		}
	}
	q := Quorum{Members: []string{"pi-1", "pi-2", "pi-3"}, Within: 5 * time.Second, Recovery: 3 * time.Second}
	for _, writes := range []bool{false, true} {
		q.Writes = writes
		want := reports.Pass
		if writes {
			want = reports.Fail
		}
		if got := Progress(h, q, &top, s, nil); got.Status != want {
			t.Errorf("writes only %t: %s, %s", writes, got.Status, got.Detail)
		}
	}
}
