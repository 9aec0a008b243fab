package net

import (
	"math/rand/v2"
	"time"

	"picloud/sim/event"
)

// pair is the way from one machine to another. It exists once something was sent on it.
type pair struct {
	net      *Network
	from, to *Host
	links    []*link
	switches []*fabric
	last     event.Time // no later packet arrives before this, unless a fault reorders
	version  uint64     // of the faults that effects were chosen from
	effects  []effect
}

// effect is a fault as it applies to one pair.
type effect struct {
	fault *Applied
	rng   *rand.Rand
}

// pair returns the way from h to another machine.
func (h *Host) pair(to *Host) *pair {
	if p := h.pairs[to]; p != nil {
		return p
	}
	p := &pair{net: h.net, from: h, to: to}
	if h != to {
		p.route()
	}
	h.pairs[to] = p
	return p
}

// route finds the links up to the switch that both machines are below, and down from it.
func (p *pair) route() {
	p.links = append(p.links, p.from.up)
	var down []*fabric
	a, b := p.from.fabric, p.to.fabric
	for a != b {
		if a.depth >= b.depth {
			p.switches = append(p.switches, a)
			p.links = append(p.links, a.up)
			a = a.parent
		} else {
			down = append(down, b)
			b = b.parent
		}
	}
	p.switches = append(p.switches, a)
	for i := len(down) - 1; i >= 0; i-- {
		p.switches = append(p.switches, down[i])
		p.links = append(p.links, down[i].down)
	}
	p.links = append(p.links, p.to.down)
}

// send puts a segment on the wire; it belongs to the network from now on.
func (p *pair) send(s *segment) {
	n := p.net
	s.pair = p
	if !p.from.on {
		n.free(s)
		return
	}
	t := &n.transit
	*t = transit{pair: p, seg: s, now: n.loop.Now(), packets: s.packets(), copies: t.copies[:0]}
	if p.from == p.to {
		at := t.now.Add(n.config.Loopback)
		n.note(t, "", at)
		n.loop.At(at, s.arrive)
		return
	}
	n.stats.Packets += int64(t.packets)
	if p.version != n.version {
		p.refresh()
	}
	if p.suffer(t); t.dropped {
		n.note(t, "lost to a fault", 0)
		n.free(s)
		return
	}
	at := span{t.now, t.now}
	for _, l := range p.links {
		var late time.Duration
		if at, late = l.carry(t, at); t.dropped {
			n.note(t, "lost to a full queue", 0)
			n.free(s)
			return
		}
		t.late += late
	}
	p.schedule(t, at.last.Add(t.late))
}

// suffer lets the faults on the way act.
func (p *pair) suffer(t *transit) {
	for i := range p.effects {
		e := &p.effects[i]
		if port := e.fault.rule.port; port != 0 && !t.seg.carries(port) {
			continue
		}
		if e.fault.rule.pass(e.fault, e.rng, t); t.dropped {
			return
		}
	}
}

// schedule lets a segment and its copies arrive.
func (p *pair) schedule(t *transit, at event.Time) {
	n := p.net
	if t.waits != nil {
		p.wait(t, at.Sub(t.now))
		return
	}
	if t.held != nil {
		n.note(t, "held", 0)
		t.held.segments = append(t.held.segments, t.seg)
		return
	}
	if !t.unordered {
		at = max(at, p.last)
		p.last = at
	}
	n.note(t, "", at)
	for _, after := range t.copies {
		n.loop.At(at.Add(after), n.clone(t.seg).arrive)
	}
	n.loop.At(at, t.seg.arrive)
}

// refresh chooses the faults that touch this way. A fault keeps a random stream for every pair.
func (p *pair) refresh() {
	p.version = p.net.version
	p.effects = p.effects[:0]
	for _, a := range p.net.active {
		if a.rule.pass != nil && a.rule.match(p) {
			p.effects = append(p.effects, effect{a, a.stream(p)})
		}
	}
}
