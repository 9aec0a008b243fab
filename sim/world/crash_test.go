package world_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/chaos"
	"picloud/node/host"
	"picloud/node/host/points"
	"picloud/sim/disk"
	"picloud/sim/machine"
	"picloud/sim/simtest"
	"picloud/sim/world"
)

// keeps says which entries it finds on its disk, and from the second second on adds one after another: it writes a file, syncs it,
// gives it its name and syncs that, and then says that it is done. Each is five operations: create, write, sync, rename, sync.
func keeps(p *machine.Port) {
	card := machine.NewDisk(p, p.DiskState)
	names, err := card.List("/")
	entries := 0
	for _, name := range names {
		if strings.HasPrefix(name, "entry") {
			entries++
		}
	}
	say(p, "finds %d entries, %d files, %v", entries, len(names), err)
	time.Sleep(2 * time.Second)
	for n := entries + 1; ; n++ {
		f, err := card.Create("new", vfs.WriteCategoryUnspecified)
		if err != nil {
			panic(err)
		}
		_, err = f.Write([]byte("entry"))
		root, bad := card.OpenDir("/")
		err = errors.Join(err, bad, f.Sync(), f.Close(), card.Rename("new", fmt.Sprint("entry-", n)))
		host.Reached(card, points.FileRenamed)
		if err = errors.Join(err, root.Sync(), root.Close()); err != nil {
			panic(err)
		}
		say(p, "has done %d", n)
		time.Sleep(10 * time.Millisecond)
	}
}

// TestAMachineCrashesAtExactlyThatOperation: what was done to the disk up to the operation that is named has been done, and nothing after it,
// and the program was not told.
func TestAMachineCrashesAtExactlyThatOperation(t *testing.T) {
	stories := []struct{ machine, fault, finds, why string }{
		{"pi-1", "crash-at-op machine=pi-1 by=kill op=create n=3", "2 entries, 3 files", "the third file was made"},
		{"pi-2", "crash-at-op machine=pi-2 by=power op=sync n=5", "2 entries", "its content is on the card, and it has no name yet"},
		{"pi-3", "crash-at-op machine=pi-3 by=kill op=rename n=3", "3 entries, 3 files", "it has its name"},
		{"pi-4", "crash-at-op machine=pi-4 by=power op=sync n=6", "3 entries, 3 files", "its name is on the card"},
		{"pi-5", "crash-at-op machine=pi-5 by=kill op=any n=14", "3 entries, 3 files", "the fourteenth operation is the third renaming"},
		{"pi-6", "crash-at-op machine=pi-6 by=kill op=any n=13", "2 entries, 3 files", "the thirteenth is the sync before it"},
		{"pi-7", "crash-at-point machine=pi-7 by=kill point=file-renamed n=3", "3 entries, 3 files", "the point comes after the renaming"},
	}
	var machines []world.Machine
	var schedule strings.Builder
	for _, s := range append(stories, struct{ machine, fault, finds, why string }{"pi-8", "crash-at-op machine=pi-8 op=remove", "", ""}) {
		machines = append(machines, world.Machine{Name: s.machine, Switch: "shelf", Card: disk.SSD, Program: simtest.Program(t, "keeps")})
		schedule.WriteString("1s +5s " + s.fault + "\n")
	}
	l := newLab(t, world.Hardware{}, schedule.String(), machines...)
	l.run(20 * time.Second)
	played := map[string]*world.Played{}
	for _, p := range l.Played() {
		played[p.Fault.Target.Names()] = p
	}
	for _, s := range stories {
		if got := l.said(s.machine, "finds "+s.finds); got == "" || got == "0" {
			t.Errorf("%s: %s, as %s; it said\n%s", s.fault, s.finds, s.why, l.all(s.machine))
		}
		if l.said(s.machine, "has done 2") == "" || before(l, s.machine, "has done 3", 6*time.Second) {
			t.Errorf("%s: the program was told of two entries and not of the third; it said\n%s", s.fault, l.all(s.machine))
		}
		p := played[s.machine]
		if f := p.AsPlayed(); p.Felt() != 1 || f.At < 2*time.Second || f.At > 3*time.Second || f.End() != 6*time.Second {
			t.Errorf("%s was felt %d times and played as %s", s.fault, p.Felt(), f)
		}
	}
	if starts, felt := l.said("pi-8", "finds"), played["pi-8"].Felt(); felt != 0 || starts != "0" {
		t.Errorf("a machine that never removes anything starts at %q, and its crash is felt %d times", starts, felt)
	}
}

// before tells whether a machine said something before a time.
func before(l *lab, machine, text string, at time.Duration) bool {
	for _, s := range l.lines {
		if s.machine == machine && s.at < at && strings.Contains(s.text, text) {
			return true
		}
	}
	return false
}

// all returns the first of what a machine said.
func (l *lab) all(machine string) string {
	var b strings.Builder
	for _, s := range l.lines {
		if s.machine == machine && b.Len() < 2000 {
			fmt.Fprintf(&b, "%s %s", s.at, s.text)
		}
	}
	return b.String()
}

// TestAFaultHitsWhoLeadsThen: who leads is asked when the fault is due, the fault is played at that machine, and one of a group that
// nobody leads hits nobody and is not felt.
func TestAFaultHitsWhoLeadsThen(t *testing.T) {
	l := newLab(t, world.Hardware{}, "1s +1s kill machine=leader:0\n3s +1s kill machine=leader:0\n5s +1s kill machine=leader:1\n6s +1s partition-oneway link=leader:0>*\n",
		world.Machine{Name: "pi-1", Switch: "shelf", Card: disk.SSD, Program: simtest.Program(t, "keeps")},
		world.Machine{Name: "pi-2", Switch: "shelf", Card: disk.SSD, Program: simtest.Program(t, "keeps")})
	l.leads = "pi-1"
	l.run(2 * time.Second)
	l.leads = "pi-2"
	l.run(8 * time.Second)
	var played []string
	for _, p := range l.Played() {
		f := p.AsPlayed()
		played = append(played, fmt.Sprintf("%s %s %d", f.Kind, f.Target, p.Felt()))
	}
	want := "kill machine=pi-1 1, kill machine=pi-2 1, kill machine=leader:1 0, partition-oneway link=pi-2>* 0"
	if got := strings.Join(played, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if one, two := l.said("pi-1", "finds"), l.said("pi-2", "finds"); one != "0 2" || two != "0 4" {
		t.Errorf("the machines start at %s and %s", one, two)
	}
}

// who says that one machine leads group 0, if any.
func (l *lab) who(p chaos.Part) (string, bool) { return l.leads, p.Group == 0 && l.leads != "" }
