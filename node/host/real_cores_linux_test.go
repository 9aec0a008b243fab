package host_test

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"picloud/node/host"
	"picloud/node/host/hosttest"
)

func TestRealCoresKeepTheContract(t *testing.T) {
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	hosttest.Cores(t, h.Cores)
	t.Run("the thread stays on the core, and leaves it", func(t *testing.T) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before, seen := affinity(t), map[unix.CPUSet]bool{}
		for core := range h.Cores.Count() {
			var during unix.CPUSet
			if err := h.Cores.On(core, func() { during = affinity(t) }); err != nil {
				t.Fatal(err)
			}
			if during.Count() != 1 || seen[during] {
				t.Errorf("on core %d the thread may run on %d cores, or on another's", core, during.Count())
			}
			seen[during] = true
		}
		if after := affinity(t); after != before {
			t.Errorf("after it the thread may run on %v, before on %v", after, before)
		}
	})
}

// affinity returns where the thread may run.
func affinity(t *testing.T) (set unix.CPUSet) {
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Error(err)
	}
	return set
}
