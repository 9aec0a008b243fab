package wait

import (
	"cmp"
	"sync"
)

// Together does so many things at the same time, and returns the error of the first that failed. One alone needs no goroutine.
func Together(count int, do func(i int) error) error {
	errs := make([]error, count)
	var all sync.WaitGroup
	for i := 1; i < count; i++ {
		all.Go(func() { errs[i] = do(i) })
	}
	if count > 0 {
		errs[0] = do(0)
	}
	all.Wait()
	return cmp.Or(errs...)
}
