package machine

import (
	"runtime"
	"time"

	"picloud/sim/detrt"
)

// Effort charges work to the simulated cores in place of doing it.
type Effort struct{}

// done is how many rounds are done all the same: enough that a result depends on its input.
const done = 2

// slice is how long a core is kept before others of the process have their turn: a process has one thread here, while on
// a real machine the other cores would go on.
const slice = 2 * time.Millisecond

// Rounds charges all rounds but a few.
func (Effort) Rounds(n int, each time.Duration) int {
	if n <= done {
		return n
	}
	for left := time.Duration(n-done) * each; left > 0; left -= slice {
		detrt.Charge(min(left, slice))
		runtime.Gosched()
	}
	return done
}
