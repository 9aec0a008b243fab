package lb

import (
	"sync"

	"picloud/node/mutant"
)

// budget bounds what is done beyond the first attempts at requests, to a share of them: when all servers fail,
// second attempts would only double the load. (The idea is that of Finagle's RetryBudget.)
type budget struct {
	mu      sync.Mutex
	percent int
	saved   int // in hundredths of an attempt
}

// reserve is how many attempts a budget saves up at most, and has at the beginning.
const reserve = 10

func newBudget(percent int) *budget { return &budget{percent: percent, saved: reserve * 100} }

// earn takes note of a first attempt.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = min(b.saved+b.percent, reserve*100)
}

// spend tells whether one more attempt may be made, and takes it from the budget.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.saved < 100 && mutant.Planted != mutant.FreeRetries {
		return false
	}
	b.saved -= 100
	return true
}
