// Package net is the network of the simulated world: machines wired to switches, TCP streams and
// UDP packets between their processes, and the faults that happen to both.
//
// It plays two parts. One is the wire: links with latency, bandwidth and queues (link.go,
// path.go), and faults on them (fault.go). The other is the network stack of each machine's
// operating system (host.go, stream*.go, packet.go), which lives here and not in the processes,
// so that it goes on when a process is paused and outlives one that is killed.
//
// Invariants: what was sent is on the wire and arrives whatever becomes of its sender. Bytes of a
// stream arrive in order, once, or the stream ends with an error. A network without faults is a
// function of the seed; a fault draws from streams of its own, so adding or removing one changes
// no draw elsewhere. State of a pair of machines exists only once they have talked.
//
// Everything runs on the event loop, in one goroutine.
package net

import (
	"fmt"
	"net/netip"

	"picloud/sim/event"
)

// Network is the wire and the stacks of all machines on it.
type Network struct {
	loop     *event.Loop
	config   Config
	hosts    []*Host
	byName   map[string]*Host
	byIP     map[uint32]*Host
	switches map[string]*fabric
	version  uint64 // changes when faults do
	active   []*Applied
	spare    []*segment
	stats    Stats
	transit  transit // of the segment that is being sent: one at a time
	capture  *capture
}

// Stats counts what the network did since the run began.
type Stats struct {
	Packets     int64 // handed to the wire
	QueueDrops  int64 // packets lost to a full queue
	FaultDrops  int64 // packets lost to faults
	Retransmits int64 // segments sent again after a timeout or three later deliveries
	Interrupts  int64 // times that a host took packets from its card
}

// fabric is a switch with its uplink.
type fabric struct {
	name     string
	depth    int
	parent   *fabric
	up, down *link // nil at the root
}

// New builds the network that cfg describes.
func New(loop *event.Loop, cfg Config) (*Network, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Network{
		loop:     loop,
		config:   cfg,
		byName:   make(map[string]*Host, len(cfg.Hosts)),
		byIP:     make(map[uint32]*Host, len(cfg.Hosts)),
		switches: make(map[string]*fabric, len(cfg.Switches)),
	}
	for _, s := range cfg.Switches {
		n.switches[s.Name] = &fabric{name: s.Name}
	}
	index := make(map[string]int, len(cfg.Switches))
	for i, s := range cfg.Switches {
		index[s.Name] = i + 1
		if s.Uplink != "" {
			f := n.switches[s.Name]
			f.parent = n.switches[s.Uplink]
			f.up, f.down = newLinks(loop, s.Name, s.Link)
		}
	}
	for _, f := range n.switches {
		for up := f.parent; up != nil; up = up.parent {
			f.depth++
		}
	}
	seats := make(map[string]int, len(cfg.Switches))
	for _, hc := range cfg.Hosts {
		seats[hc.Switch]++
		ip := [4]byte{10, 77, byte(index[hc.Switch]), byte(seats[hc.Switch])}
		n.addHost(hc, netip.AddrFrom4(ip))
	}
	return n, nil
}

func (n *Network) addHost(cfg HostConfig, addr netip.Addr) {
	h := newHost(n, cfg, addr)
	n.hosts = append(n.hosts, h)
	n.byName[cfg.Name] = h
	n.byIP[h.ip] = h
}

// Host returns the machine of that name, nil if there is none.
func (n *Network) Host(name string) *Host { return n.byName[name] }

// Names returns the address of every machine, for the tables that processes resolve names with.
func (n *Network) Names() map[string]netip.Addr {
	names := make(map[string]netip.Addr, len(n.hosts))
	for _, h := range n.hosts {
		names[h.name] = h.addr
	}
	return names
}

// Stats returns the counts so far.
func (n *Network) Stats() Stats { return n.stats }

// host returns the machine that ip means to from: itself for a loopback address.
func (n *Network) host(from *Host, ip uint32) *Host {
	if ip>>24 == 127 {
		return from
	}
	return n.byIP[ip]
}

func (n *Network) link(name string, d Direction) (*link, error) {
	var up, down *link
	if h := n.byName[name]; h != nil {
		up, down = h.up, h.down
	} else if f := n.switches[name]; f != nil {
		up, down = f.up, f.down
	} else {
		return nil, fmt.Errorf("no machine or switch %q", name)
	}
	if up == nil {
		return nil, fmt.Errorf("switch %q has no uplink", name)
	}
	if d == Down {
		return down, nil
	}
	return up, nil
}
