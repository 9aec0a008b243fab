package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Result is what was measured.
type Result struct {
	Seconds     float64 `json:"seconds"`
	All         Latency `json:"all"`
	Writes      Latency `json:"writes"`
	Reads       Latency `json:"reads"`
	Failed      int     `json:"failed"`             // requests
	Why         string  `json:"why,omitempty"`      // the last of them failed
	CPUSeconds  float64 `json:"cpu_seconds"`        // of all servers
	LoadSeconds float64 `json:"load_cpu_seconds"`   // of CPU time, of the program that drives
	DiskBytes   int64   `json:"disk_bytes"`         // that all servers had the disk write
	Acked       int64   `json:"acknowledged_bytes"` // of keys and values of the writes
}

// Latency is how many requests were answered, and in what time.
type Latency struct {
	Count    int     `json:"count"`
	MedianMS float64 `json:"median_ms"`
	P99MS    float64 `json:"p99_ms"`
}

// window is the time that is measured, with what processes used until its ends.
type window struct {
	span       *Span
	from, to   time.Duration
	atFrom, at usage
}

// usage is what processes have used.
type usage struct {
	servers, load time.Duration // CPU time
	disk          int64
}

// watch waits while it is loaded, and notes what the processes use.
func watch(ctx context.Context, s *Span, began time.Time) (w *window, err error) {
	w = &window{span: s}
	if err := sleep(ctx, s.Warm); err != nil {
		return nil, err
	}
	if w.atFrom, err = s.used(); err != nil {
		return nil, err
	}
	w.from = time.Since(began)
	if err := sleep(ctx, s.Measure); err != nil {
		return nil, err
	}
	w.to = time.Since(began)
	w.at, err = s.used()
	return w, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// result counts what was answered within the window.
func (w *window) result(loops []loop) *Result {
	r := &Result{
		Seconds:    (w.to - w.from).Seconds(),
		CPUSeconds: (w.at.servers - w.atFrom.servers).Seconds(), LoadSeconds: (w.at.load - w.atFrom.load).Seconds(),
		DiskBytes: w.at.disk - w.atFrom.disk,
	}
	within := func(at time.Duration) bool { return w.from <= at && at < w.to }
	var reads, writes []time.Duration
	for i := range loops {
		l := &loops[i]
		for _, q := range l.done {
			switch {
			case !within(q.at):
			case q.read:
				reads = append(reads, q.took)
			default:
				writes = append(writes, q.took)
				r.Acked += int64(q.acked)
			}
		}
		for _, at := range l.failed {
			if within(at) {
				r.Failed, r.Why = r.Failed+1, l.why.Error()
			}
		}
	}
	r.Reads, r.Writes, r.All = latency(reads), latency(writes), latency(append(reads, writes...))
	return r
}

// latency sorts what requests took.
func latency(took []time.Duration) Latency {
	if len(took) == 0 {
		return Latency{}
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[min(int(share*float64(len(took))), len(took)-1)]) / float64(time.Millisecond)
	}
	return Latency{Count: len(took), MedianMS: at(0.5), P99MS: at(0.99)}
}

// used returns what the processes have used until now.
func (s *Span) used() (u usage, err error) {
	for _, server := range s.Processes {
		for _, pid := range family(server) {
			cpu, err := cpuTime(pid)
			disk, err2 := diskBytes(pid)
			if err := errors.Join(err, err2); err != nil {
				return u, fmt.Errorf("load: measure a server: %w", err)
			}
			u.servers += cpu
			u.disk += disk
		}
	}
	u.load, err = cpuTime(os.Getpid())
	return u, err
}

// family returns a process and those that it has started: some servers are several.
func family(pid int) []int {
	all := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range bytes.Fields(b) {
			if child, err := strconv.Atoi(string(word)); err == nil {
				all = append(all, family(child)...)
			}
		}
	}
	return all
}

// tick is the unit of times in /proc, the same on all machines that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime returns the CPU time of a process, in its code and in the kernel for it.
func cpuTime(pid int) (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The second field is the program's name in brackets, and may have spaces in it.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s has too few fields", path)
	}
	user, err := strconv.Atoi(string(fields[11]))
	system, err2 := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * tick, errors.Join(err, err2)
}

// diskBytes returns how many bytes a process has had written to disks: pages that it dirtied, once for each time
// that they were written.
func diskBytes(pid int) (int64, error) {
	path := fmt.Sprintf("/proc/%d/io", pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if n, is := bytes.CutPrefix(line, []byte("write_bytes: ")); is {
			return strconv.ParseInt(string(bytes.TrimSpace(n)), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no write_bytes", path)
}
