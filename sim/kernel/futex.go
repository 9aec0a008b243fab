package kernel

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// futexWake wakes the process that sleeps on the word. The raw call keeps the runtime's
// scheduler out of the hand-over, which is the hot path of a run.
func futexWake(word *uint32) {
	syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 1, 1, 0, 0, 0)
}

// futexWait sleeps while the word holds value, for limit at most, and tells whether it gave up.
func futexWait(word *uint32, value uint32, limit time.Duration) bool {
	ts := syscall.NsecToTimespec(int64(limit))
	_, _, errno := syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 0, uintptr(value),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
	return errno == syscall.ETIMEDOUT
}

// cpuTime returns the CPU time that a process has used.
func cpuTime(pid int) time.Duration {
	var ts unix.Timespec
	clock := int32(^pid)<<3 | 2 // the process CPU clock of pid, see clock_getcpuclockid(3)
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
