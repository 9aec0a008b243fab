package host

import "time"

// Usage is what a machine has used and has left. What rises may begin again at zero with the process.
type Usage struct {
	CPU             time.Duration // core time that was used; rises
	MemoryUsed      int64         // bytes
	MemoryLimit     int64         // bytes at which it is full; zero if there is no limit
	DiskFree        int64         // bytes of the disk that a process can still write
	DiskTotal       int64         // bytes
	NetworkSent     int64         // bytes; rises
	NetworkReceived int64         // bytes; rises
}

// Meter reads what a machine has used.
type Meter interface {
	Usage() (Usage, error)
}
