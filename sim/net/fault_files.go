package net

import (
	"fmt"
	"syscall"

	"picloud/sim/channel"
)

// Descriptors leaves a machine without a free descriptor: its processes open nothing, and who connects to them gets no
// answer and tries again. What is open goes on. Felt counts what was not opened.
type Descriptors struct{ Machine string }

func (f Descriptors) rule(n *Network) (rule, error) {
	h := n.byName[f.Machine]
	if h == nil {
		return rule{}, fmt.Errorf("no machine %q", f.Machine)
	}
	return rule{
		start: func(a *Applied) { h.noFiles = a },
		heal:  func(*Applied) { h.noFiles = nil },
	}, nil
}

// refuseFile answers what would take a descriptor that there is not, and tells whether the frame was such.
func (h *Host) refuseFile(g channel.Guest, f channel.Frame) bool {
	switch f.Op {
	case channel.NetListen, channel.NetPacketOpen:
		answer(g, f.ID, 0, syscall.EMFILE)
	case channel.NetDial:
		g.Post(channel.Frame{Class: channel.ClassNet, Op: channel.NetReset, ID: f.ID, Err: syscall.EMFILE})
	default:
		return false
	}
	h.noFiles.felt++
	return true
}
