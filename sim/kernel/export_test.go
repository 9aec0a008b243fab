package kernel

// NewClock returns a clock for tests.
var NewClock = newClock
