package net

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// BlackHole drops what carries more than Size bytes in a packet and tells nobody, as a path does whose narrow part
// sends no word of it: small packets pass. What was handed to the card in one unit with a large packet is lost with it.
type BlackHole struct {
	Where
	Size int
}

func (f BlackHole) rule(n *Network) (rule, error) {
	if f.Size < 1 {
		return rule{}, fmt.Errorf("a black hole for packets over %d bytes, need at least 1", f.Size)
	}
	return touching(n, f.Where, func(a *Applied, _ *rand.Rand, t *transit) {
		if t.seg.largest() > f.Size {
			a.drop(t)
		}
	})
}

// largest returns how much the largest packet of the segment carries, bytes.
func (s *segment) largest() int {
	if s.flags&flagUDP != 0 {
		return min(len(s.data)+8, fragment)
	}
	return min(len(s.data), mss)
}

// Negotiated lets a machine's wire carry less, as after a negotiation that came to too little. With Half its two
// directions take turns. Felt counts the packets that it carries so.
type Negotiated struct {
	Machine        string
	BytesPerSecond int64
	Half           bool
}

func (f Negotiated) rule(n *Network) (rule, error) {
	h := n.byName[f.Machine]
	if h == nil {
		return rule{}, fmt.Errorf("no machine %q", f.Machine)
	}
	if f.BytesPerSecond < 1 {
		return rule{}, fmt.Errorf("a wire of %d bytes/s, need at least 1", f.BytesPerSecond)
	}
	r, err := touching(n, Where{Link: f.Machine}, func(a *Applied, _ *rand.Rand, t *transit) { a.felt += int64(t.packets) })
	up, down := h.up.rate, h.down.rate
	r.start = func(*Applied) {
		h.up.rate, h.down.rate = min(up, f.BytesPerSecond), min(down, f.BytesPerSecond)
		if f.Half {
			h.up.other, h.down.other = h.down, h.up
		}
	}
	r.heal = func(*Applied) {
		h.up.rate, h.down.rate = up, down
		h.up.other, h.down.other = nil, nil
	}
	return r, err
}

// pool is a buffer that all ports of a switch share.
type pool struct {
	fault *Applied
	bytes int64
	ports []*link
}

// room returns how many of a unit's packets find room when they arrive for a port. Packets that come no faster than the
// port sends find as much of it as the first.
func (p *pool) room(t *transit, at span, port *link) int {
	left := p.bytes
	for _, l := range p.ports {
		if wait := l.busy.Sub(at.first); wait > 0 {
			left -= bytesIn(wait, l.rate)
		}
	}
	if left < wirePacket {
		return 0
	}
	out := timeFor(t.wireBytes(), port.rate) / time.Duration(t.packets)
	in := at.last.Sub(at.first) / time.Duration(max(t.packets-1, 1))
	if grows := bytesIn(out-in, port.rate); grows > 0 {
		return int(left / grows)
	}
	return t.packets
}

// SharedBuffer lets all ports of a switch share a buffer of so many bytes, in place of one each. Felt counts the packets
// that found no room.
type SharedBuffer struct {
	Switch string
	Bytes  int64
}

func (f SharedBuffer) rule(n *Network) (rule, error) {
	s := n.switches[f.Switch]
	if s == nil {
		return rule{}, fmt.Errorf("no switch %q", f.Switch)
	}
	if f.Bytes < wirePacket {
		return rule{}, fmt.Errorf("a shared buffer of %d bytes, need at least %d", f.Bytes, wirePacket)
	}
	shared := &pool{bytes: f.Bytes, ports: n.ports(s)}
	return rule{
		start: func(a *Applied) {
			shared.fault = a
			for _, l := range shared.ports {
				l.pool = shared
			}
		},
		heal: func(*Applied) {
			for _, l := range shared.ports {
				l.pool = nil
			}
		},
	}, nil
}

// ports returns the links that lead out of a switch.
func (n *Network) ports(s *fabric) []*link {
	var all []*link
	for _, h := range n.hosts {
		if h.fabric == s {
			all = append(all, h.down)
		}
	}
	for _, c := range n.config.Switches {
		if f := n.switches[c.Name]; f.parent == s {
			all = append(all, f.down)
		}
	}
	if s.up != nil {
		all = append(all, s.up)
	}
	return all
}

// Storm floods all ports of a switch, as a loop does: what passes it waits in a full queue, and a share of it finds no
// room there.
type Storm struct {
	Switch string
	PPM    int // share of the packets that find none
}

func (f Storm) rule(n *Network) (rule, error) {
	flooded := n.switches[f.Switch]
	if flooded == nil {
		return rule{}, fmt.Errorf("no switch %q", f.Switch)
	}
	if err := checkPPM("share without room", f.PPM); err != nil {
		return rule{}, err
	}
	pass := func(a *Applied, rng *rand.Rand, t *transit) {
		a.felt += int64(t.packets)
		for i := range t.packets {
			if strikes(rng, f.PPM) {
				a.net.stats.QueueDrops += int64(t.keep(i))
				break
			}
		}
		last := t.pair.to.down
		t.late += timeFor(last.buffer, last.rate)
	}
	return rule{match: through(flooded), pass: pass}, nil
}
