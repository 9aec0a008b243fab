package overlay

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"picloud/sim/kernel"
)

// story is something that holds on a simulated machine because of some edits of the runtime.
type story struct {
	name  string
	check func(p probe) error
	hunks string // the edits without which it fails, by name
}

// stories are all there is to say for the edits; each edit is needed by one of them.
var stories = []story{
	{"a sleep takes virtual time, from the kernel's epoch on", sleepTakesVirtualTime,
		"enter monotonic wall-amd64 wall-amd64-name idle poller sysmon"},
	{"a loop that waits for time ends", waitingLoopEnds, "since"},
	{"a busy process lets its timers through", busyLetsTimersThrough, "quantum"},
	{"what a process did before main returned is counted", countedUpToReturn, "end-of-main"},
	{"what a process did before os.Exit is counted", countedUpToExit, "end-of-exit"},
	{"a program sees one CPU, whatever its environment says", oneCPU, "one-p one-p-for-ever"},
	{"a goroutine that locks its thread shares it", lockedThreadIsShared, "template-thread lock-thread"},
	{"an iterator made beside a locked goroutine goes on", iteratorGoesOn, "coroutine"},
	{"a process has one thread", oneThread, ""},
	{"garbage is collected without another thread", collects, "gc-mark"},
	{"a collection leaves nothing to do later", nothingLeftToDo, ""},
	{"the collector's eagerness does not show", eagernessHidden, "gc-workers gc-mode scavenger"},
	{"a seed gives the same random numbers, another seed others", seededRandom, "seed random"},
	{"hashes do not depend on the CPU", sameHashes, "aes-amd64"},
	{"a select does not depend on collections", selectKeepsItsOrder, "select-order"},
	{"a seed picks the order of timers of one instant", seededTimers, "timer-order"},
	{"a seed picks the next goroutine", seededGoroutines, "pick"},
	{"running goroutines costs CPU time", slicesCost, "slices"},
	{"a seed interrupts goroutines, and they lose updates", lostUpdates, "allocations"},
	{"fifty thousand goroutines run in the same order under every collector", crowdKeepsItsOrder, ""},
	{"files that libraries look for do not exist", noFiles, "open stat readlink"},
	{"the host's name is the machine's, and only while packages are initialised", hostName,
		"confine init-done hostname hostname-unsafe"},
	{"a process's number is the run's", ownNumber, "pid"},
	{"a CPU that lies hashes wrongly, and the others rightly", lyingCPU, "sha256 sha256-unsafe"},
}

func sleepTakesVirtualTime(p probe) error {
	return p.prints(setting{}, "2026-01-01T00:00:00Z\n3s\n2026-01-01T00:00:03Z", "clock")
}

func waitingLoopEnds(p probe) error { return p.prints(setting{}, "time passes", "since") }

func busyLetsTimersThrough(p probe) error { return p.prints(setting{}, "6ms", "busy") }

func countedUpToReturn(p probe) error { return p.counted("return", 0) }

func countedUpToExit(p probe) error { return p.counted("exit", 3) }

// counted checks that the CPU time which a story uses in its only turn is charged.
func (p probe) counted(name string, status int) error {
	r := p.do(setting{}, name)
	if r.death.Status != status || r.busy < 500*time.Microsecond {
		return fmt.Errorf("status %d, busy %v: %w", r.death.Status, r.busy, r.err)
	}
	return r.err
}

func oneCPU(p probe) error {
	return p.prints(setting{env: map[string]string{"GOMAXPROCS": "3"}}, "1 1", "cpus")
}

// lockedThreadIsShared looks several times, because threads would meet by chance.
func lockedThreadIsShared(p probe) error {
	for range 20 {
		if err := p.prints(setting{}, "55", "lock"); err != nil {
			return err
		}
	}
	return nil
}

func oneThread(p probe) error {
	for range 20 {
		r := p.do(setting{}, "scavenge")
		if r.err != nil || r.threads != 1 {
			return fmt.Errorf("%d threads: %w", r.threads, r.err)
		}
	}
	return nil
}

func iteratorGoesOn(p probe) error { return p.prints(setting{}, "2", "coroutine") }

func collects(p probe) error { return p.prints(setting{}, "4095 true", "collect") }

func nothingLeftToDo(p probe) error {
	r := p.do(setting{settle: time.Second}, "scavenge")
	if r.err == nil && (r.out != "quiet" || r.turns > 0 || r.busy > 0) {
		return fmt.Errorf("after it fell quiet the process had %d turns, busy for %v: %q", r.turns, r.busy, r.out)
	}
	return r.err
}

func eagernessHidden(p probe) error {
	return p.same(setting{seed: 3, explores: true, preempts: 20}, "garbage", "0010", "0100", "1000", "-001")
}

func crowdKeepsItsOrder(p probe) error {
	for _, s := range []setting{{}, {explores: true, preempts: 100}} {
		if err := p.same(s, "crowd", "010", "200", "-01"); err != nil {
			return err
		}
	}
	return nil
}

func selectKeepsItsOrder(p probe) error {
	return p.same(setting{explores: true}, "select", "collect", "keep")
}

// same checks that a story prints the same whatever its argument, and takes the same path there.
func (p probe) same(s setting, story string, args ...string) error {
	var first run
	for i, arg := range args {
		r := p.do(s, story, arg)
		if r.err != nil {
			return r.err
		}
		if i == 0 {
			first = r
		}
		if r.out != first.out || r.turns != first.turns {
			return fmt.Errorf("%s %s: %q in %d turns, but %s: %q in %d", story,
				args[0], first.out, first.turns, arg, r.out, r.turns)
		}
	}
	return nil
}

func seededRandom(p probe) error {
	one, again, two := p.do(setting{seed: 1}, "random"), p.do(setting{seed: 1}, "random"), p.do(setting{seed: 2}, "random")
	if one.out != again.out || one.trace != again.trace || one.out == two.out {
		return fmt.Errorf("seed 1 gave %q and %q, seed 2 %q", one.out, again.out, two.out)
	}
	return errors.Join(one.err, again.err, two.err)
}

func sameHashes(p probe) error {
	with := p.do(setting{}, "hash")
	without := p.do(setting{env: map[string]string{"GODEBUG": "cpu.aes=off"}}, "hash")
	if with.out != without.out {
		return fmt.Errorf("a map's order is %q, on a CPU without AES %q", with.out, without.out)
	}
	return errors.Join(with.err, without.err)
}

func seededTimers(p probe) error {
	return p.explores(setting{}, "timers")
}

func seededGoroutines(p probe) error {
	if seen, err := p.orders(setting{}, 8, "goroutines"); err != nil || len(seen) != 1 {
		return fmt.Errorf("without exploration the seed shows: %v, %w", seen, err)
	}
	return p.explores(setting{explores: true}, "goroutines")
}

// explores checks that a story, which prints an order of six, prints many of the 720 orders.
func (p probe) explores(s setting, story string) error {
	seen, err := p.orders(s, 40, story)
	if err == nil && len(seen) < 30 {
		return fmt.Errorf("40 seeds gave %d orders: %v", len(seen), seen)
	}
	return err
}

func slicesCost(p probe) error { return p.prints(setting{}, "true", "slices") }

func lostUpdates(p probe) error {
	if err := p.prints(setting{explores: true}, "800", "preempt"); err != nil {
		return fmt.Errorf("without preemption: %w", err)
	}
	s := setting{explores: true, preempts: 20}
	seen, err := p.orders(s, 5, "preempt")
	if err != nil {
		return err
	}
	if seen["800"] > 0 || len(seen) < 2 {
		return fmt.Errorf("the count should be 800 less some that the seed loses: %v", seen)
	}
	again, err := p.orders(s, 5, "preempt")
	if fmt.Sprint(seen) != fmt.Sprint(again) {
		return fmt.Errorf("the same seeds lose others: %v and %v", seen, again)
	}
	return err
}

func noFiles(p probe) error { return p.prints(setting{}, "true true true", "files") }

func hostName(p probe) error {
	r := p.do(setting{}, "name")
	if r.err == nil || !strings.HasPrefix(r.out, "pi-7\n") || !strings.Contains(r.err.Error(), "called by main.name") {
		return fmt.Errorf("at the start the name is %q, after it: %w", r.out, r.err)
	}
	return nil
}

func ownNumber(p probe) error { return p.prints(setting{}, "1 1", "pid") }

func lyingCPU(p probe) error {
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	const xyz = "3608bca1e44ea6c4d268eb6db02260269892c0b42b86bbf1e77a6fa16c3c9282"
	if err := p.prints(setting{}, abc+" "+xyz, "sha256"); err != nil {
		return err
	}
	lie := setting{prepare: func(m *kernel.Machine) { m.LieAboutHashes(kernel.WrongHash{Mask: 0xff, Match: 'x'}) }}
	r := p.do(lie, "sha256")
	if !strings.HasPrefix(r.out, abc) || strings.Contains(r.out, xyz) || r.out == "" {
		return fmt.Errorf("a CPU that is wrong about blocks that begin with x hashed abc and xyz to %s: %w", r.out, r.err)
	}
	return r.err
}
