// Package host is what a node stands on: a network, a disk, a meter of what it uses, other
// programs, the parts of its board, a log. It has two providers, the
// real machine and the simulated one (picloud/sim/machine), and nothing in node/ reaches the
// operating system but through it. A new way out of the process is added here, for both, or not
// at all. Time, goroutines and random numbers are the standard library's in both.
package host

import (
	"context"
	"log/slog"
	"net"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/hw"
)

// Network opens streams and packet sockets by name and port.
type Network interface {
	// Listen listens for streams on ":port"; port 0 picks a free one. The network is "tcp".
	Listen(network, address string) (net.Listener, error)
	// DialContext connects to "name:port". The network is "tcp".
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	// ListenPacket opens a packet socket on ":port". The network is "udp".
	ListenPacket(network, address string) (net.PacketConn, error)
}

// Host is the machine that a process runs on.
type Host struct {
	Name    string  // the name that other machines dial
	Network Network // its network
	Disk    vfs.FS  // its disk: all state of a node lies here
	Meter   Meter   // what it has used; nil if nobody knows
	Effort  Effort  // for work that a simulated machine need not do
	Cores   Cores   // of its processor
	Log     *slog.Logger

	Processes Processes // nil where no programs can be started
	Hardware  hw.Parts  // of the board; nil where there is none
}
