package hosttest

import (
	"runtime"
	"sync"
	"testing"

	"picloud/node/host"
)

// Cores checks that work can be done on each core, and on no other than there are.
func Cores(t *testing.T, cores host.Cores) {
	n := cores.Count()
	if n < 1 {
		t.Fatalf("there are %d cores", n)
	}
	t.Run("work is done once it returns, on each core", func(t *testing.T) {
		for core := range n {
			done := 0
			must(t, cores.On(core, func() { runtime.Gosched(); done++ }))
			if done != 1 {
				t.Errorf("on core %d the work was done %d times", core, done)
			}
		}
	})
	t.Run("many want cores at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 8 * n {
			all.Go(func() {
				if err := cores.On(i%n, runtime.Gosched); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	t.Run("there are no others", func(t *testing.T) {
		for _, core := range []int{-1, n, n + 1000} {
			if err := cores.On(core, func() { t.Errorf("work was done on core %d of %d", core, n) }); err == nil {
				t.Errorf("core %d of %d is one", core, n)
			}
		}
	})
}
