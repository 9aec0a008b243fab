package kernel

// NewClock returns a clock for tests.
var NewClock = newClock

// CPUTime returns the CPU time that a process has used.
var CPUTime = cpuTime
