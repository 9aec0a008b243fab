package world

import (
	"fmt"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/sim/net"
)

// spoilNetwork makes a fault of the network happen.
func (w *World) spoilNetwork(f *chaos.Fault) (effect, error) {
	faults, err := w.networkFaults(f)
	if err != nil {
		return effect{}, err
	}
	var applied []*net.Applied
	heal := func() {
		for _, a := range applied {
			a.Heal()
		}
	}
	for i, nf := range faults {
		a, err := w.Network.Apply(fmt.Sprintf("%s/%d", f.Name(), i), nf)
		if err != nil {
			heal()
			return effect{}, err
		}
		applied = append(applied, a)
	}
	return effect{heal: heal, felt: func() int64 {
		var sum int64
		for _, a := range applied {
			sum += a.Felt()
		}
		return sum
	}}, nil
}

// networkFaults returns what a fault of a schedule is to the network: one fault for a shape, one
// for each way of a list of ways.
func (w *World) networkFaults(f *chaos.Fault) ([]net.Fault, error) {
	t := f.Target
	others := func(names []string) []string {
		var rest []string
		for _, name := range w.names {
			if !contains(names, name) {
				rest = append(rest, name)
			}
		}
		return rest
	}
	sides := func() (from, to []string) {
		from, to = t.A, t.B
		if len(t.A) == 1 && t.A[0] == "*" {
			from = others(t.B)
		}
		if len(t.B) == 1 && t.B[0] == "*" {
			to = others(t.A)
		}
		return from, to
	}
	switch f.Kind {
	case chaos.PartitionOneWay:
		return []net.Fault{net.OneWay(sides())}, nil
	case chaos.PartitionOne, chaos.PartitionMinority:
		return []net.Fault{net.Isolate(w.names, t.A...)}, nil
	case chaos.PartitionMajority:
		return []net.Fault{net.Split(t.A, t.B)}, nil
	case chaos.PartitionRing:
		return []net.Fault{net.MajoritiesRing(t.A)}, nil
	case chaos.PartitionBridge:
		return []net.Fault{bridge(t.A)}, nil
	case chaos.SwizzleClog:
		step := f.For / time.Duration(2*max(len(t.A), 1))
		return []net.Fault{net.SwizzleClog{Hosts: t.A, Step: step}}, nil
	case chaos.SwitchDark:
		return []net.Fault{net.SwitchDark{Switch: t.A[0]}}, nil
	case chaos.UplinkCut:
		return []net.Fault{w.uplinkCut(t.A[0])}, nil
	case chaos.BroadcastStorm:
		return []net.Fault{net.Storm{Switch: t.A[0], PPM: int(f.Param("rate"))}}, nil
	case chaos.Incast:
		return []net.Fault{net.SharedBuffer{Switch: t.A[0], Bytes: f.Param("buffer")}}, nil
	case chaos.LinkSlow:
		return []net.Fault{net.Negotiated{Machine: t.A[0], BytesPerSecond: f.Param("rate"), Half: f.Param("half") == 1}}, nil
	}
	var all []net.Fault
	from, to := sides()
	for _, a := range from {
		for _, b := range to {
			if a == b { // of all to all
				continue
			}
			nf, err := linkFault(f, net.Where{From: a, To: b})
			if err != nil {
				return nil, err
			}
			all = append(all, nf)
		}
	}
	return all, nil
}

// bridge is the partition in which the first machine reaches all and the others fall in halves.
func bridge(names []string) net.Fault {
	rest := names[1:]
	half := len(rest) / 2
	return net.Split(rest[:half], rest[half:])
}

// uplinkCut cuts the machines of a switch from all others. The root has no uplink of its own: all
// that are wired to it are cut.
func (w *World) uplinkCut(name string) net.Fault {
	var on, off []string
	for _, m := range w.config.Machines {
		if m.Switch == name {
			on = append(on, m.Name)
		} else {
			off = append(off, m.Name)
		}
	}
	return net.Split(on, off)
}

// linkFault returns the fault on one way.
func linkFault(f *chaos.Fault, where net.Where) (net.Fault, error) {
	switch f.Kind {
	case chaos.NetLoss:
		return net.Loss{Where: where, PPM: int(f.Param("rate"))}, nil
	case chaos.NetDuplicate:
		return net.Duplication{Where: where, PPM: int(f.Param("rate")), Late: time.Millisecond}, nil
	case chaos.NetReorder:
		return net.Reordering{Where: where, PPM: int(f.Param("rate")), By: max(millis(f, "delay"), time.Millisecond)}, nil
	case chaos.NetCorrupt:
		return net.Corruption{Where: where, PPM: int(f.Param("rate")), Bits: 32}, nil
	case chaos.NetDelay:
		return net.Delay{Where: where, Latency: net.Latency{Base: millis(f, "delay"), Jitter: millis(f, "jitter")}}, nil
	case chaos.NetBandwidth:
		return net.Bandwidth{Where: where, BytesPerSecond: f.Param("rate"), BufferBytes: 256 << 10}, nil
	case chaos.Flap:
		up, down := f.Param("up"), f.Param("down")
		share := int(down * 1e6 / max(up+down, 1))
		return net.Flap{Where: where, Period: time.Duration(max(up+down, 1)) * time.Millisecond,
			MinPPM: share / 2, MaxPPM: min(share*3/2, 1e6)}, nil
	case chaos.Clog:
		return net.Clog{Where: where}, nil
	case chaos.MTUBlackHole:
		return net.BlackHole{Where: where, Size: int(f.Param("size"))}, nil
	case chaos.ConnectRefused:
		return net.Refuse{Where: where}, nil
	case chaos.ConnectHang:
		return net.Hang{Where: where}, nil
	case chaos.Reset:
		return net.Reset{Where: mutual(where), PPM: 1e6}, nil
	case chaos.HalfOpen:
		return net.HalfOpen{Where: where, PPM: 1e6}, nil
	}
	return nil, fmt.Errorf("the fault %q cannot be played on %s", f.Kind, strings.Join(f.Target.A, ","))
}

func mutual(w net.Where) net.Where {
	w.Mutual = true
	return w
}
