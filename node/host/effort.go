package host

import "time"

// Effort is for work whose only purpose is that it takes time, such as that which makes a password hard to guess. A
// simulated machine spends the time on its cores and does little of the work.
type Effort interface {
	// Rounds returns how many of n equal rounds are to be done, each of which takes a core about that long. The time of those
	// that need not be done has passed on the machine when something waits next.
	Rounds(n int, each time.Duration) int
}

// FullEffort does all the work.
type FullEffort struct{}

// Rounds returns n.
func (FullEffort) Rounds(n int, _ time.Duration) int { return n }
