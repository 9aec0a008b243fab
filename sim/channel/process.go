package channel

// Operations of ClassProcess.
const (
	OpLog    = 1 // to the kernel: Data is one line of the process's log
	OpRecord = 2 // to the kernel: Data is one line for the run's history
	OpSpawn  = 3 // to the kernel, a call: start a program on this machine, Data as SpawnData; the reply's A is its PID
	OpKill   = 4 // to the kernel, a call: end the process with PID A of this machine
	OpEnded  = 5 // to the process: process A of this machine that it started has ended with status B
)
