package twin

import (
	"fmt"
	"time"
)

// kernel is what the system keeps about itself.
type kernel struct {
	maxMHz int64 // the governor's bound
	online [4]bool
	disk   CardState
	link   LinkState

	cpu, io  pressure
	loads    [3]int64 // over 1, 5 and 15 minutes, in 2048ths
	runTime  time.Duration
	netBytes int64
}

// pressure is how long somebody waited, as /proc/pressure has it.
type pressure struct {
	total    time.Duration
	averages [3]int64 // over 10, 60 and 300 s, in 2048ths
	counted  time.Duration
}

// The kernel's own constants (psi.c, loadavg.h): what is left of an average after 2 s and after 5 s, in 2048ths.
const averageOne = 2048

func pressureLeft() [3]int64 { return [3]int64{1677, 1981, 2034} }
func loadLeft() [3]int64     { return [3]int64{1884, 2014, 2037} }

const loadTime = 5 * time.Second

func (k *kernel) boot(maxMHz int64) {
	*k = kernel{maxMHz: maxMHz, online: [4]bool{true, true, true, true}, disk: k.disk, link: k.link}
}

// count adds what was done in a time.
func (k *kernel) count(w Work, t time.Duration) {
	k.cpu.total += min(w.CoreWait, t)
	k.io.total += min(w.DiskBusy, t)
	k.runTime += w.CoreTime
	k.netBytes += w.NetBytes
}

// average moves the averages on, at a tick. The load is that of the tick, in cores.
func (k *kernel) average(now time.Duration, w Work, t time.Duration) {
	if now%pollTime == 0 {
		k.cpu.average()
		k.io.average()
	}
	if now%loadTime == 0 {
		load := mulDiv(int64(w.CoreTime), averageOne, int64(max(t, 1)))
		for i, left := range loadLeft() {
			k.loads[i] = (k.loads[i]*left + load*(averageOne-left)) / averageOne
		}
	}
}

func (p *pressure) average() {
	part := mulDiv(int64(min(p.total-p.counted, pollTime)), averageOne*100, int64(pollTime))
	p.counted = p.total
	for i, left := range pressureLeft() {
		p.averages[i] = (p.averages[i]*left + part*(averageOne-left)) / averageOne
	}
}

// String returns the lines of the file. What all wait for is not modelled: it is shown as half of what some wait for.
func (p *pressure) String() string {
	line := func(kind string, of int64) string {
		var avg [3]string
		for i, a := range p.averages {
			avg[i] = hundredths(a / of)
		}
		return fmt.Sprintf("%s avg10=%s avg60=%s avg300=%s total=%d\n", kind, avg[0], avg[1], avg[2], p.total.Microseconds()/of)
	}
	return line("some", 1) + line("full", 2)
}

// hundredths prints a number of 2048ths with two digits behind the point.
func hundredths(n int64) string {
	n = n * 100 / averageOne
	return fmt.Sprintf("%d.%02d", n/100, n%100)
}
