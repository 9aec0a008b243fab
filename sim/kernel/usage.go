package kernel

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// ProcessTime returns the real CPU time that the living processes have used: what a run costs, not
// what it simulates.
func (k *Kernel) ProcessTime() time.Duration {
	var sum time.Duration
	for _, p := range k.processes() {
		sum += cpuTime(p.os.Pid)
	}
	return sum
}

// Resident returns the real memory of the living processes and of this one, bytes. Pages that they
// share count once for each.
func (k *Kernel) Resident() int64 {
	sum := resident(os.Getpid())
	for _, p := range k.processes() {
		sum += resident(p.os.Pid)
	}
	return sum
}

func resident(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
