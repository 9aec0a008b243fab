package world_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"picloud/sim/detrt"
	"picloud/sim/disk"
	"picloud/sim/machine"
	"picloud/sim/simtest"
	"picloud/sim/world"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// counts keeps a number in a file, which it locks. It says with which it begins, and every second what it has come to, what its clock
// shows and how long ten milliseconds of work took.
func counts(p *machine.Port) {
	card := machine.NewDisk(p, p.DiskState)
	if _, err := card.Lock("lock"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	n := read(card)
	say(p, "begins with %d", n)
	for {
		if err := write(card, n); err != nil {
			say(p, "cannot write: %v", err)
		}
		began := time.Now()
		detrt.Charge(10 * time.Millisecond)
		time.Sleep(time.Nanosecond) // until it is done
		say(p, "count %d, wall %d ms, work %d us", n, time.Now().UnixMilli(), time.Since(began).Microseconds())
		n++
		time.Sleep(time.Second)
	}
}

func read(card *machine.Disk) (n int) {
	f, err := card.Open("count")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		panic(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		panic(err)
	}
	fmt.Sscan(string(text), &n)
	return n
}

func write(card *machine.Disk, n int) error {
	f, err := card.Create("count", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%d\n%s", n, strings.Repeat("x", 20_000)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	dir, err := card.OpenDir("/")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// tale is what a machine that counts has said, in order.
type tale struct {
	at          time.Duration
	begins      bool
	count       int
	wall        time.Duration // since the epoch of the run
	took        time.Duration
	cannotWrite string
}

const epochMilliseconds = 1767225600_000

func (l *lab) tales(name string) (all []tale) {
	l.t.Helper()
	for _, s := range l.lines {
		var said struct{ Msg string }
		if s.machine != name || json.Unmarshal([]byte(s.text), &said) != nil {
			continue
		}
		t := tale{at: s.at}
		var wall, took int64
		if _, err := fmt.Sscanf(said.Msg, "begins with %d", &t.count); err == nil {
			t.begins = true
		} else if _, err := fmt.Sscanf(said.Msg, "count %d, wall %d ms, work %d us", &t.count, &wall, &took); err == nil {
			t.wall, t.took = time.Duration(wall-epochMilliseconds)*time.Millisecond, time.Duration(took)*time.Microsecond
		} else if rest, is := strings.CutPrefix(said.Msg, "cannot write: "); is {
			t.cannotWrite = rest
		} else {
			continue
		}
		all = append(all, t)
	}
	return all
}

// begun returns when a machine began, in seconds, and with which counts.
func (l *lab) begun(name string) string {
	var text []string
	for _, t := range l.tales(name) {
		if t.begins {
			text = append(text, fmt.Sprintf("%.0fs:%d", t.at.Seconds(), t.count))
		}
	}
	return strings.Join(text, " ")
}

// counting returns a world with two machines that count, and a schedule.
func counting(t *testing.T, schedule string) *lab {
	t.Helper()
	var machines []world.Machine
	for _, name := range []string{"pi-1", "pi-2"} {
		machines = append(machines, world.Machine{Name: name, Switch: "shelf", Card: disk.SSD, Program: simtest.Program(t, "counts")})
	}
	return newLab(t, world.Hardware{}, schedule, machines...)
}

// TestCardsComeBackWithSomethingElse: a machine counts seconds; after a fault it goes on from what its card then holds.
func TestCardsComeBackWithSomethingElse(t *testing.T) {
	for _, c := range []struct{ schedule, one, two string }{
		{"20s +5s disk-erase machine=pi-1", "0s:0 30s:0", "0s:0"},
		{"20s +5s disk-wipe machine=pi-1", "0s:0 30s:0", "0s:0"},
		{"20s +5s disk-restore machine=pi-1 age=10000ms", "0s:0 30s:9", "0s:0"},
		{"10s +5s disk-wipe machine=pi-1\n30s +5s disk-swap machines=pi-1,pi-2", "0s:0 20s:0 40s:29", "0s:0 40s:9"},
		{"10s +5s disk-wipe machine=pi-1\n30s +5s disk-clone machines=pi-1,pi-2 age=5000ms", "0s:0 20s:0", "0s:0 40s:4"},
	} {
		t.Run(name(c.schedule), func(t *testing.T) {
			l := counting(t, c.schedule)
			l.run(50 * time.Second)
			if one, two := l.begun("pi-1"), l.begun("pi-2"); one != c.one || two != c.two {
				t.Errorf("pi-1 began at %s, not %s; pi-2 at %s, not %s", one, c.one, two, c.two)
			}
			for _, p := range l.Played() {
				if p.Felt() == 0 {
					t.Errorf("%s was not felt", p.Fault)
				}
			}
		})
	}
}

// name returns the kind of the last fault of a schedule.
func name(schedule string) string {
	return strings.Fields(schedule[strings.LastIndex(schedule, "\n")+1:])[2]
}

// off returns by how much the wall clock of a machine was off when it said so, for each second from one time to another.
func (l *lab) off(name string, from, to time.Duration) (all []time.Duration) {
	for _, t := range l.tales(name) {
		if !t.begins && t.cannotWrite == "" && t.at >= from && t.at < to {
			all = append(all, (t.wall - t.at).Round(20*time.Millisecond))
		}
	}
	return all
}

// TestClocksGoWrong: each in its own way, on its own machine or its whole shelf, and they are right again once it is healed.
func TestClocksGoWrong(t *testing.T) {
	const s = time.Second
	between := func(all []time.Duration, low, high time.Duration) bool {
		for _, d := range all {
			if d < low || d > high {
				return false
			}
		}
		return len(all) > 0
	}
	for _, c := range []struct {
		schedule string
		check    func(l *lab) bool
	}{
		{"10s +10s clock-strobe machine=pi-1 by=5000ms every=1500ms", func(l *lab) bool {
			all := l.off("pi-1", 10*s, 20*s)
			forth, back := 0, 0
			for _, d := range all {
				if d == 5*s {
					forth++
				} else if d == 0 {
					back++
				}
			}
			return forth > 2 && back > 2 && forth+back == len(all)
		}},
		{"10s +10s clock-noise machine=pi-1 by=1000ms every=500ms", func(l *lab) bool {
			all := l.off("pi-1", 10*s, 20*s)
			return between(all, -s, s) && !between(all, -s, 0) && !between(all, 0, s)
		}},
		{"10s +10s clock-smear machine=pi-1", func(l *lab) bool {
			return between(l.off("pi-1", 10*s, 12*s), -300*time.Millisecond, 0) && between(l.off("pi-1", 18*s, 20*s), -s, -700*time.Millisecond)
		}},
		{"10s +15s boot-in-past machine=pi-1 by=3600000ms", func(l *lab) bool {
			return l.begun("pi-1") == "0s:0 15s:9" && between(l.off("pi-1", 15*s, 25*s), -3600*s, -3600*s)
		}},
		{"10s +10s ntp-lies machines=pi-1,pi-2 by=-7000ms", func(l *lab) bool {
			return between(l.off("pi-1", 10*s, 20*s), -7*s, -7*s) && between(l.off("pi-2", 10*s, 20*s), -7*s, -7*s)
		}},
	} {
		t.Run(name(c.schedule), func(t *testing.T) {
			l := counting(t, c.schedule)
			l.run(40 * s)
			if !c.check(l) {
				t.Errorf("it did not do what it says: it was off by %v, and pi-2 by %v", l.off("pi-1", 0, 40*s), l.off("pi-2", 0, 40*s))
			}
			if !between(l.off("pi-1", 0, 10*s), 0, 0) || !between(l.off("pi-1", 26*s, 40*s), 0, 0) {
				t.Error("it was wrong before, or was not healed")
			}
			if l.Played()[0].Felt() == 0 {
				t.Error("it was not felt")
			}
		})
	}
}

// TestProcessesGoWrong: each in its own way, and the program runs again once it is healed.
func TestProcessesGoWrong(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		schedule string
		check    func(l *lab) bool
	}{
		{"10s +10s cpu-steal machine=pi-1 every=100ms rate=800000ppm", func(l *lab) bool {
			longest := map[string]time.Duration{}
			for _, name := range []string{"pi-1", "pi-2"} {
				for _, t := range l.tales(name) {
					longest[name] = max(longest[name], t.took)
				}
			}
			return l.begun("pi-1") == "0s:0" && longest["pi-1"] > 60*time.Millisecond && longest["pi-2"] < 20*time.Millisecond
		}},
		{"10s +10s fd-limit machine=pi-1", func(l *lab) bool {
			n := 0
			for _, t := range l.tales("pi-1") {
				if strings.HasSuffix(t.cannotWrite, "too many open files") {
					n++
				}
			}
			return l.begun("pi-1") == "0s:0" && n >= 9 && n <= 11
		}},
		{"10s +10s restart-loop machine=pi-1 every=3000ms", func(l *lab) bool {
			return l.begun("pi-1") == "0s:0 10s:9 13s:11 16s:13 19s:15 20s:15"
		}},
		{"10s +10s stop-hangs machine=pi-1", func(l *lab) bool { return l.begun("pi-1") == "0s:0 20s:9" }},
		{"10s +10s double-start machine=pi-1", func(l *lab) bool {
			d := l.Kernel.Deaths()
			return l.begun("pi-1") == "0s:0" && len(d) == 1 && d[0].Status == 3 && d[0].At.Sub(0) < 11*s
		}},
	} {
		t.Run(name(c.schedule), func(t *testing.T) {
			l := counting(t, c.schedule)
			l.run(30 * s)
			if !c.check(l) {
				t.Errorf("it did not do what it says: it began at %s and said %+v", l.begun("pi-1"), l.tales("pi-1"))
			}
			if l.Played()[0].Felt() == 0 {
				t.Error("it was not felt")
			}
			if all := l.tales("pi-1"); all[len(all)-1].at < 28*s || all[len(all)-1].cannotWrite != "" {
				t.Error("it does not go on")
			}
		})
	}
}

// TestAFaultIsNotFeltByWhatALaterOneDoes: nothing runs that the first one could do something to, and then there is.
func TestAFaultIsNotFeltByWhatALaterOneDoes(t *testing.T) {
	for _, kind := range []string{"pause machine=pi-1", "memory-limit machine=pi-1 limit=1048576bytes", "stop-hangs machine=pi-1"} {
		t.Run(strings.Fields(kind)[0], func(t *testing.T) {
			l := counting(t, "5s +10s kill machine=pi-1\n8s +2s "+kind+"\n20s +3s "+kind)
			l.run(30 * time.Second)
			if first, second := l.Played()[1].Felt(), l.Played()[2].Felt(); first != 0 || second == 0 {
				t.Errorf("the first was felt %d times, the second %d times", first, second)
			}
		})
	}
}

// TestWhatKillsProcessesDoesNotShortenABoot: a machine that boots has none, and starts its program when it has booted.
func TestWhatKillsProcessesDoesNotShortenABoot(t *testing.T) {
	for _, kind := range []string{"kill machine=pi-1", "restart-loop machine=pi-1 every=300ms", "stop-hangs machine=pi-1"} {
		t.Run(strings.Fields(kind)[0], func(t *testing.T) {
			l := counting(t, "10s +2s power-cut machine=pi-1\n14s +1s "+kind)
			l.run(30 * time.Second)
			if got := l.begun("pi-1"); got != "0s:0 17s:9" {
				t.Errorf("it began at %s: it had power at 12 s, and boots for 5", got)
			}
		})
	}
}

// TestAKillThatFindsNoProcessIsFeltByTheStartThatItHoldsBack: the machine boots until 17 s. One that has ended before is not felt.
func TestAKillThatFindsNoProcessIsFeltByTheStartThatItHoldsBack(t *testing.T) {
	for _, c := range []struct {
		kill, begins string
		felt         int64
	}{
		{"14s +10s kill machine=pi-1", "0s:0 24s:9", 1},
		{"14s +1s kill machine=pi-1", "0s:0 17s:9", 0},
	} {
		t.Run(strings.Fields(c.kill)[1], func(t *testing.T) {
			l := counting(t, "10s +2s power-cut machine=pi-1\n"+c.kill)
			l.run(30 * time.Second)
			if got := l.begun("pi-1"); got != c.begins {
				t.Errorf("it began at %s, not at %s", got, c.begins)
			}
			if felt := l.Played()[1].Felt(); felt != c.felt {
				t.Errorf("it was felt %d times, not %d", felt, c.felt)
			}
		})
	}
}

// TestAFaultThatBeginsOnAMachineThatIsOffDoesNothingLater: the machine has power again at 15 s, and boots until 20.
func TestAFaultThatBeginsOnAMachineThatIsOffDoesNothingLater(t *testing.T) {
	const s = time.Second
	for _, kind := range []string{"boot-in-past machine=pi-1 by=3600000ms", "stop-hangs machine=pi-1", "pause machine=pi-1"} {
		t.Run(strings.Fields(kind)[0], func(t *testing.T) {
			l := counting(t, "10s +5s power-cut machine=pi-1\n12s +13s "+kind)
			l.run(35 * s)
			if got := l.begun("pi-1"); got != "0s:0 20s:9" {
				t.Errorf("it began at %s", got)
			}
			for _, d := range l.off("pi-1", 20*s, 35*s) {
				if d != 0 {
					t.Errorf("its clock was off by %v", d)
				}
			}
			if felt := l.Played()[1].Felt(); felt != 0 {
				t.Errorf("it was felt %d times", felt)
			}
		})
	}
}

// TestACardWithoutPowerLosesNoEraseBlock: it rewrites nothing, and there is no power to take.
func TestACardWithoutPowerLosesNoEraseBlock(t *testing.T) {
	l := counting(t, "10s +20s power-cut machine=pi-1\n15s +5s disk-erase machine=pi-1")
	l.run(40 * time.Second)
	if got := l.begun("pi-1"); got != "0s:0 35s:9" {
		t.Errorf("it began at %s, with another count than that of before", got)
	}
	if felt := l.Played()[1].Felt(); felt != 0 {
		t.Errorf("it was felt %d times", felt)
	}
}

// TestAStolenProcessorIsGivenBack at the end of the fault, long before the end of what was stolen last.
func TestAStolenProcessorIsGivenBack(t *testing.T) {
	const s = time.Second
	l := counting(t, "10s +4s cpu-steal machine=pi-1 every=20000ms rate=900000ppm")
	l.run(30 * s)
	before, after := time.Duration(0), time.Duration(0)
	for _, t := range l.tales("pi-1") {
		if t.at < 13500*time.Millisecond {
			before = t.at
		} else if after == 0 {
			after = t.at
		}
	}
	if before > 11*s || after < 14*s || after > 15*s {
		t.Errorf("it spoke at %v and then at %v: it was to be silent from 10 to 14 s", before, after)
	}
	if l.Played()[0].Felt() == 0 {
		t.Error("it was not felt")
	}
}
