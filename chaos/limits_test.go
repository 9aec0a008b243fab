package chaos

import (
	"testing"
	"time"
)

// admits says whether a fault is within the limits after another one.
func admits(t *testing.T, c *Config, first, then string) bool {
	t.Helper()
	l := ledger{top: &c.Topology, members: c.Topology.OfRole(c.Roles...), limits: c.Limits}
	for _, line := range []string{first, then} {
		f, err := ParseFault(line)
		if err != nil {
			t.Fatal(err)
		}
		if !l.admit(false, f) {
			return false
		}
	}
	return true
}

// TestAWatchdogCrashesWhoDoesNotFeedIt: what keeps a node from living for nearly as long as its watchdog waits may cost the machine its page
// cache, so it must not meet one that lost synced data.
func TestAWatchdogCrashesWhoDoesNotFeedIt(t *testing.T) {
	watched, plain := aimedNodes(), aimedNodes()
	for i := range watched.Topology.Machines[:4] {
		watched.Topology.Machines[i].Watchdog = 15 * time.Second
	}
	const lost, elsewhere = "20s +5s disk-lost-write machine=pi-3", "20s +5s disk-lost-write machine=pi-5"
	tests := []struct {
		first, then string
		want        bool // where there are watchdogs
	}{
		{lost, "30s +14s pause machine=pi-3", false},
		{lost, "30s +14s pause machine=pi-2", true},
		{lost, "30s +5s pause machine=pi-3", true},
		{lost, "30s +14s disk-full machine=pi-3", false},
		{lost, "30s +14s disk-inodes machine=pi-3", false},
		{lost, "30s +14s disk-readonly machine=pi-3", false},
		{lost, "30s +14s disk-stall machine=pi-3", false},
		{lost, "30s +14s disk-gone machine=pi-3", false},
		{lost, "30s +14s fd-limit machine=pi-3", false},
		{lost, "30s +5s disk-full machine=pi-3", true},
		{lost, "30s +14s disk-slow machine=pi-3", true},
		{lost, "30s +14s partition-one machine=pi-3", true},
		{"1s +14s pause machine=pi-3", lost, true},
		{"10s +14s pause machine=pi-3", lost, false},
		{elsewhere, "30s +14s pause machine=pi-5", true},
	}
	for _, test := range tests {
		if got := admits(t, &watched, test.first, test.then); got != test.want {
			t.Errorf("with watchdogs `%s` after `%s` is allowed: %t, want %t", test.then, test.first, got, test.want)
		}
		if !admits(t, &plain, test.first, test.then) {
			t.Errorf("without watchdogs `%s` after `%s` is not allowed", test.then, test.first)
		}
	}
	if admits(t, &watched, lost, "30s +14s pause machine=leader:0") {
		t.Error("who leads may be who lost data, and is paused for long")
	}
}

// TestACardThatIsGivenUpIsACopyLess: a node that looks after its board fences itself for good when the card refuses what it should do, which
// heals where nobody looks.
func TestACardThatIsGivenUpIsACopyLess(t *testing.T) {
	plain, watched := aimedNodes(), aimedNodes()
	plain.Limits.DamagedPerRun, watched.Limits.DamagedPerRun = One, One
	for i := range plain.Topology.Machines {
		plain.Topology.Machines[i].Board = false
		watched.Topology.Machines[i].Board = watched.Topology.Machines[i].Name != "pi-5"
	}
	tests := []struct {
		first, then string
		want        bool // where there are boards
	}{
		{"20s +5s disk-readonly machine=pi-3", "60s +5s disk-readonly machine=pi-2", false},
		{"20s +5s disk-gone machine=pi-3", "60s +5s disk-read-error machine=pi-2", false},
		{"20s +5s disk-lost-write machine=pi-3", "60s +5s disk-readonly machine=pi-2", false},
		{"20s +5s disk-readonly machine=pi-3", "60s +5s disk-gone machine=leader:0", false},
		{"20s +5s disk-readonly machine=pi-3", "60s +5s disk-lost-write machine=pi-3", true},
		{"20s +5s disk-readonly machine=pi-3", "60s +5s disk-full machine=pi-2", true},
		{"20s +5s disk-readonly machine=pi-3", "60s +5s disk-readonly machine=pi-5", true}, // without a board
	}
	for _, test := range tests {
		if got := admits(t, &watched, test.first, test.then); got != test.want {
			t.Errorf("with boards `%s` after `%s` is allowed: %t, want %t", test.then, test.first, got, test.want)
		}
		if !admits(t, &plain, test.first, test.then) {
			t.Errorf("without boards `%s` after `%s` is not allowed", test.then, test.first)
		}
	}
}
