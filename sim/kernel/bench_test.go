package kernel_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"picloud/sim/channel"
	"picloud/sim/kernel"
	"picloud/sim/simtest"
)

// BenchmarkTurn measures one wake-up of a process with its hand-over: a frame goes to the board
// and comes back.
func BenchmarkTurn(b *testing.B) {
	k := simtest.Kernel(b, kernel.Config{Seed: 1, FreeCPU: true})
	m := add(b, k, one("pi-1"), "talks", fmt.Sprint("N=", b.N+1000), "SIZE=64", "BURST=1")
	m.Attach(channel.ClassBoard, echo{})
	for k.Turns() < 1000 { // it has started
		k.Loop.Step()
	}
	began := cpuOfAll(b, m)
	b.ResetTimer()
	turns := k.Turns()
	if err := k.Run(context.Background(), k.Now().Add(time.Hour)); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(k.Turns()-turns)/float64(b.N), "turns/op")
	// What others do on this computer shows in the real time, but not in this.
	b.ReportMetric(float64(cpuOfAll(b, m)-began)/float64(b.N), "cpu-ns/op")
}

// cpuOfAll returns the CPU time of this process and of its children, those that ended included.
func cpuOfAll(b *testing.B, m *kernel.Machine) time.Duration {
	total := cpuOf(b, unix.RUSAGE_SELF) + cpuOf(b, unix.RUSAGE_CHILDREN)
	for _, p := range m.Processes() {
		total += kernel.CPUTime(p.OSPid())
	}
	return total
}

func cpuOf(b *testing.B, who int) time.Duration {
	var use unix.Rusage
	if err := unix.Getrusage(who, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// workload is a program that costs CPU time in a known mix.
type workload struct {
	main string
	env  []string
	bare bool // runs goroutines or allocates, and does nothing with them
}

// workloads differ in what they do most: work, run goroutines, allocate, move mail. The bare ones
// give the price of memory and show the floor of the others: a program works in its slices, and
// the price of a slice stands for that work.
func workloads() []workload {
	var all []workload
	for _, n := range []int{100_000, 400_000} {
		all = append(all, workload{"pingpong", []string{fmt.Sprint("N=", n)}, true})
	}
	for _, n := range []int{2000, 10_000} {
		all = append(all, workload{"raftWorks", []string{fmt.Sprint("N=", n)}, false},
			workload{"encodes", []string{fmt.Sprint("N=", n)}, false})
	}
	for _, size := range []int{64, 512, 4096} {
		for _, n := range []int{50_000, 200_000} {
			all = append(all, workload{"allocates", []string{fmt.Sprint("N=", n), fmt.Sprint("SIZE=", size)}, true})
		}
	}
	for _, size := range []int{64, 1024, 16 << 10, 64 << 10} {
		for _, burst := range []int{1, 10} {
			n := fmt.Sprint("N=", max(2000, 20_000*1024/max(size, 1024)))
			all = append(all, workload{"talks", []string{n, fmt.Sprint("SIZE=", size), fmt.Sprint("BURST=", burst)}, false})
		}
	}
	return all
}

// toPi scales CPU time here to a core of a Raspberry Pi 4B, which is a third as fast as that of a
// desktop or server computer (7-zip on one thread: 1740 to 1900 MIPS against 4400 to 5000).
const toPi = 3

// BenchmarkCost fits the CPU time that processes use here to the slices, allocations and mail that
// the kernel counts, and prints the prices, scaled to a Pi, with the error of the fit. Memory has
// the price that it has for the bare workloads, since in programs it grows with the slices.
func BenchmarkCost(b *testing.B) {
	for range b.N {
		var all, bare, programs []sample
		for _, w := range workloads() {
			s, base := costOf(b, w), costOf(b, workload{w.main, []string{"N=0", "SIZE=64", "BURST=1"}, true})
			s.slices -= base.slices
			s.allocated -= base.allocated
			s.mail -= base.mail
			s.ns -= base.ns
			if all = append(all, s); !w.bare {
				programs = append(programs, s)
			} else if w.main == "allocates" {
				bare = append(bare, s)
			}
		}
		_, memory := fit(bare, func(s sample) (float64, float64, float64) { return s.slices, s.allocated, s.ns })
		slice, mail := fit(programs, func(s sample) (float64, float64, float64) {
			return s.slices, s.mail, s.ns - memory*s.allocated
		})
		var worst, squares float64
		for _, s := range all {
			off := (slice*s.slices+memory*s.allocated+mail*s.mail)/s.ns - 1
			if !s.of.bare {
				worst, squares = max(worst, math.Abs(off)), squares+off*off
			}
			b.Logf("%s %s: slices %.0f, alloc %.0f KiB, mail %.0f KiB: %.2f ms, fit %+.0f %%",
				s.of.main, strings.Join(s.of.env, " "), s.slices, s.allocated, s.mail, s.ns/1e6, 100*off)
		}
		b.Logf("error %.0f %% rms, %.0f %% worst, without the bare workloads",
			100*math.Sqrt(squares/float64(len(programs))), 100*worst)
		b.Logf("here: slice %.0f ns, alloc %.0f ns/KiB, mail %.0f ns/KiB", slice, memory, mail)
		b.Logf("Pi 4B: slice %.0f ns, alloc %.0f ns/KiB, mail %.0f ns/KiB", toPi*slice, toPi*memory, toPi*mail)
	}
}

// sample is what a workload did, in times and KiB, and the CPU time it took, ns.
type sample struct {
	of                          workload
	slices, allocated, mail, ns float64
}

// costOf runs a workload to its end.
func costOf(b *testing.B, w workload) sample {
	k := simtest.Kernel(b, kernel.Config{Seed: 1, FreeCPU: true})
	defer k.Close()
	m := add(b, k, one("pi-1"), w.main, w.env...)
	m.Attach(channel.ClassBoard, echo{})
	before := cpuOf(b, unix.RUSAGE_CHILDREN)
	if err := k.Run(context.Background(), k.Now().Add(time.Hour)); err != nil {
		b.Fatal(err)
	}
	if d := k.Deaths(); len(d) != 1 || d[0].Status != 0 {
		b.Fatalf("deaths: %+v", d)
	}
	slices, allocated, mail := m.Counted()
	ns := cpuOf(b, unix.RUSAGE_CHILDREN) - before
	return sample{w, float64(slices), float64(allocated) / 1024, float64(mail) / 1024, float64(ns)}
}

// fit returns the a and b with the least squares of the relative error of y = a·x1 + b·x2.
func fit(samples []sample, row func(sample) (x1, x2, y float64)) (a, b float64) {
	var s11, s12, s22, s1, s2 float64
	for _, s := range samples {
		x1, x2, y := row(s)
		x1, x2 = x1/y, x2/y
		s11, s12, s22 = s11+x1*x1, s12+x1*x2, s22+x2*x2
		s1, s2 = s1+x1, s2+x2
	}
	d := s11*s22 - s12*s12
	return (s1*s22 - s2*s12) / d, (s11*s2 - s12*s1) / d
}
