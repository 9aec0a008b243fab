package host

import (
	"context"
	"time"
)

// Program is a program that is started beside the one that starts it.
type Program struct {
	Path string
	Args []string
	Env  map[string]string // beside what every program of the machine is given
}

// Process is a program that runs. It does not outlive the one that started it.
type Process interface {
	// Wait waits until it has ended and returns its exit status, -1 if it was made to end. One caller waits.
	Wait(ctx context.Context) (status int, err error)
	// End asks it to end, and makes it end if it has not within a time. A simulated machine cannot ask.
	End(grace time.Duration) error
}

// Processes starts programs on the machine.
type Processes interface {
	// Start starts a program. What it prints goes to the log of the machine.
	Start(p Program) (Process, error)
}
