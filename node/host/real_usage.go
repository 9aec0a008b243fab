package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// realMeter reads what Linux says of the whole machine.
type realMeter struct {
	proc    string // /proc
	address string // of the network whose traffic counts
	disk    vfs.FS
}

// Usage reads what the machine has used.
func (m *realMeter) Usage() (u Usage, err error) {
	disk, err := m.disk.GetDiskUsage("/")
	u.DiskFree, u.DiskTotal = int64(disk.AvailBytes), int64(disk.TotalBytes)
	err = errors.Join(err, m.cpu(&u), m.memory(&u), m.network(&u))
	if err != nil {
		return Usage{}, fmt.Errorf("host: read what the machine has used: %w", err)
	}
	return u, nil
}

// tick is the unit of /proc/stat: the kernel's USER_HZ is 100 on all that we run on.
const tick = 10 * time.Millisecond

// cpu adds up the times that cores were not idle.
func (m *realMeter) cpu(u *Usage) error {
	return m.fields("stat", func(f []string) error {
		if f[0] != "cpu" || len(f) < 9 {
			return nil
		}
		for i, busy := range []bool{true, true, true, false, false, true, true, true} { // user nice system idle iowait irq softirq steal
			n, err := strconv.ParseInt(f[1+i], 10, 64)
			if err != nil {
				return err
			}
			if busy {
				u.CPU += time.Duration(n) * tick
			}
		}
		return nil
	})
}

// memory takes for used what is not available to programs: caches are.
func (m *realMeter) memory(u *Usage) error {
	return m.fields("meminfo", func(f []string) error {
		if len(f) < 2 || f[0] != "MemTotal:" && f[0] != "MemAvailable:" {
			return nil
		}
		kib, err := strconv.ParseInt(f[1], 10, 64)
		if f[0] == "MemTotal:" {
			u.MemoryLimit = kib << 10
			u.MemoryUsed += kib << 10
		} else {
			u.MemoryUsed -= kib << 10
		}
		return err
	})
}

// network adds up the traffic of the devices that the cloud's network uses: the one with the machine's address,
// or all but the loopback if it listens on all.
func (m *realMeter) network(u *Usage) error {
	uses, err := m.devices()
	if err != nil {
		return err
	}
	return m.fields("net/dev", func(f []string) error {
		name, is := strings.CutSuffix(f[0], ":")
		if !is || len(f) < 10 || !uses[name] {
			return nil
		}
		received, err := strconv.ParseInt(f[1], 10, 64)
		sent, err2 := strconv.ParseInt(f[9], 10, 64)
		u.NetworkReceived += received
		u.NetworkSent += sent
		return errors.Join(err, err2)
	})
}

func (m *realMeter) devices() (map[string]bool, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	address, err := netip.ParseAddr(m.address)
	if err != nil {
		return nil, err
	}
	uses := map[string]bool{}
	for _, device := range all {
		if address.IsUnspecified() {
			uses[device.Name] = device.Flags&net.FlagLoopback == 0
			continue
		}
		networks, err := device.Addrs()
		if err != nil {
			return nil, err
		}
		for _, n := range networks {
			prefix, err := netip.ParsePrefix(n.String())
			// The loopback has all addresses of its network.
			if err == nil && (prefix.Addr() == address || address.IsLoopback() && prefix.Contains(address)) {
				uses[device.Name] = true
			}
		}
	}
	return uses, nil
}

// fields gives the words of each line of a file below /proc.
func (m *realMeter) fields(file string, take func(f []string) error) error {
	path := filepath.Join(m.proc, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 0 {
			if err := take(f); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return nil
}
