package host

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
)

// RealConfig says what a process takes a real machine for.
type RealConfig struct {
	Name     string            // the name that other machines dial
	Address  string            // what it listens on
	Machines map[string]string // addresses of machines by name
	Folder   string            // of the disk; made where it does not exist
	// DropUnsynced has the end of the process take away what was not synced, as a power cut would. It is for
	// tests, and wants a folder of its own.
	DropUnsynced bool
	// Chaos is the file of a socket at which orders are taken to break disk and network; if it is empty, there is nothing that
	// could break them.
	Chaos string
}

// NewReal returns a real machine, with a log of JSON lines on standard error.
func NewReal(c RealConfig) (*Host, error) {
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return nil, fmt.Errorf("host: make the disk's folder: %w", err)
	}
	open := NewRealDisk
	if c.DropUnsynced {
		open = NewSyncedDisk
	}
	disk, err := open(c.Folder)
	if err != nil {
		return nil, err
	}
	var network Network = &RealNetwork{Name: c.Name, Address: c.Address, Names: c.Machines}
	if c.Chaos != "" {
		layer := NewFaulty(c.Name, c.Machines)
		if _, err := layer.Serve(c.Chaos); err != nil { // for as long as the process lives
			return nil, fmt.Errorf("host: take orders to break the machine: %w", err)
		}
		disk, network = layer.Disk(disk), layer.Network(network)
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	return &Host{
		Name:    c.Name,
		Network: network,
		Disk:    disk,
		Meter:   &realMeter{proc: "/proc", address: cmp.Or(c.Address, loopback), disk: disk},
		Effort:  FullEffort{},
		Cores:   newRealCores(),
		Log:     log,

		Processes: &realProcesses{log},
	}, nil
}
