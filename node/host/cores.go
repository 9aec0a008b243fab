package host

import "fmt"

// Cores are the processor's cores, for work that must be done by a certain one: a faulty core computes wrongly while its neighbours
// do not.
type Cores interface {
	// Count returns how many cores there are for this process, at least one.
	Count() int
	// On runs something on a core, from 0 on, and returns once it is done. What f starts in other goroutines may run
	// elsewhere; f ends in its goroutine, and does not call On. It fails, and f does not run, where there is no such core.
	On(core int, f func()) error
}

// onAny is for systems that say nothing of cores: there is one.
type onAny struct{}

func (onAny) Count() int { return 1 }

func (onAny) On(core int, f func()) error {
	if core != 0 {
		return noCore(core, 1)
	}
	f()
	return nil
}

func noCore(core, count int) error {
	return fmt.Errorf("host: there is no core %d: this process has %d, from 0 on", core, count)
}
