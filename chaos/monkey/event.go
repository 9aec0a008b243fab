package monkey

import (
	"time"

	"picloud/chaos"
)

// The kinds of events.
const (
	Steady  = "steady"  // the probes of the steady state succeeded, so many
	Begin   = "begin"   // of a fault
	End     = "end"     // of a fault
	Felt    = "felt"    // how often a fault that has ended did something
	Refused = "refused" // a fault did not begin, though it should have
	Probed  = "probed"  // so many probes failed
	Aborted = "aborted" // the run was given up
	Unheard = "unheard" // a socket did not confirm that all is healed
)

// Event is something that happened in a run.
type Event struct {
	At    time.Duration // of the run
	What  string
	Fault *chaos.Fault // nil if it is about none
	Times int64
	Why   string
}
