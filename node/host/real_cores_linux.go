package host

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// realCores pins threads to cores.
type realCores struct {
	allowed unix.CPUSet // for this process
}

func newRealCores() Cores {
	c := &realCores{}
	if err := unix.SchedGetaffinity(0, &c.allowed); err != nil || c.allowed.Count() == 0 {
		return onAny{}
	}
	return c
}

// Count returns how many cores the process may use.
func (c *realCores) Count() int { return c.allowed.Count() }

// On runs f on a thread that stays on the core for as long.
func (c *realCores) On(core int, f func()) error {
	cpu, ok := c.cpu(core)
	if !ok {
		return noCore(core, c.Count())
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	only := unix.CPUSet{}
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil { // the thread has moved when it returns
		return fmt.Errorf("host: stay on core %d: %w", core, err)
	}
	defer func() {
		if err := unix.SchedSetaffinity(0, &c.allowed); err != nil {
			runtime.LockOSThread() // once more than it is unlocked: the thread ends with its goroutine, and serves nobody else
		}
	}()
	f()
	return nil
}

// cpu returns the number that the system has for a core.
func (c *realCores) cpu(core int) (int, bool) {
	for cpu := range len(c.allowed) * 64 {
		if !c.allowed.IsSet(cpu) {
			continue
		}
		if core == 0 {
			return cpu, true
		}
		core--
	}
	return 0, false
}
