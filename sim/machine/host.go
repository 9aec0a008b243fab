package machine

import (
	"fmt"
	"net/netip"
	"os"
	"sort"
	"strings"

	"picloud/node/host"
	"picloud/sim/channel"
)

// EnvHosts is the variable in which a process finds the addresses of all machines, as FormatHosts
// writes them.
const EnvHosts = "PICLOUD_HOSTS"

// FormatHosts returns the table of names and addresses as text.
func FormatHosts(names map[string]netip.Addr) string {
	list := make([]string, 0, len(names))
	for name, addr := range names {
		list = append(list, name+"="+addr.String())
	}
	sort.Strings(list)
	return strings.Join(list, ",")
}

// ParseHosts reads what FormatHosts wrote.
func ParseHosts(text string) (map[string]netip.Addr, error) {
	names := map[string]netip.Addr{}
	for _, entry := range strings.Split(text, ",") {
		name, addr, _ := strings.Cut(entry, "=")
		ip, err := netip.ParseAddr(addr)
		if err != nil || name == "" {
			return nil, fmt.Errorf("machine: %s: %q is not name=address", EnvHosts, entry)
		}
		names[name] = ip
	}
	return names, nil
}

// Here returns what a program stands on, on the simulated machine that this process runs on. A
// process asks once.
func Here() (*host.Host, error) {
	p, err := Attach()
	if err != nil {
		return nil, err
	}
	return NewHost(p)
}

// NewHost returns what a node stands on, on the simulated machine that this process runs on.
func NewHost(p *Port) (*host.Host, error) {
	names, err := ParseHosts(os.Getenv(EnvHosts))
	if err != nil {
		return nil, err
	}
	self := os.Getenv(channel.EnvMachine)
	network, err := newNetwork(p, self, names)
	if err != nil {
		return nil, err
	}
	disk := NewDisk(p, p.DiskState)
	h := &host.Host{
		Name:    self,
		Network: network,
		Disk:    disk,
		Meter:   &meter{p, network, disk},
		Effort:  Effort{},
		Cores:   NewCores(p),
		Log:     NewLog(p),

		Processes: NewProcesses(p),
	}
	if os.Getenv(EnvBoard) != "" {
		h.Hardware = NewParts(p)
	}
	return h, nil
}

// DiskState returns the state of the disk as the kernel last published it.
func (p *Port) DiskState() channel.DiskState {
	return channel.DiskState{Free: int64(*p.word(channel.DiskFree)), Flags: uint32(*p.word(channel.DiskFlags))}
}
