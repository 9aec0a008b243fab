package machine

import (
	"time"

	"picloud/node/host"
	"picloud/sim/channel"
)

// meter reads what the simulated machine has used: the kernel publishes work and memory before each turn, the
// card says what room it has, and traffic is that of this process, without headers.
type meter struct {
	port    *Port
	network *network
	disk    *Disk
}

// Usage reads what the machine has used.
func (m *meter) Usage() (host.Usage, error) {
	room, err := m.disk.GetDiskUsage("/")
	if err != nil {
		return host.Usage{}, err
	}
	return host.Usage{
		CPU:             time.Duration(*m.port.word(channel.CPUBusy)),
		MemoryUsed:      int64(*m.port.word(channel.MemoryUsed)),
		MemoryLimit:     int64(*m.port.word(channel.MemoryLimit)),
		DiskFree:        int64(room.AvailBytes),
		DiskTotal:       int64(room.TotalBytes),
		NetworkSent:     m.network.sent.Load(),
		NetworkReceived: m.network.received.Load(),
	}, nil
}
