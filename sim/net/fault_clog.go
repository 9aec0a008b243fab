package net

import (
	"fmt"
	"math/rand/v2"
	"time"

	"picloud/sim/event"
)

// clogged holds what a clog has stopped, in the order in which it was sent.
type clogged struct{ segments []*segment }

// release lets everything arrive in a burst, before anything that is sent from now on. What
// another clog touches as well moves over to that one.
func (c *clogged) release(n *Network) {
	segments := c.segments
	c.segments = nil
	for _, s := range segments {
		p := s.pair
		if p.version != n.version {
			p.refresh()
		}
		if other := p.clog(s); other != nil {
			other.segments = append(other.segments, s)
			continue
		}
		p.last = max(p.last, n.loop.Now())
		n.loop.At(p.last, s.arrive)
	}
}

// clog returns a clog that touches the segment, nil if there is none.
func (p *pair) clog(s *segment) *clogged {
	for _, e := range p.effects {
		r := &e.fault.rule
		if r.clog != nil && (r.port == 0 || s.carries(r.port)) {
			return r.clog
		}
	}
	return nil
}

// Clog holds all that it touches, and lets it go in a burst when it is healed.
type Clog struct{ Where }

func (f Clog) rule(n *Network) (rule, error) {
	held := &clogged{}
	r, err := touching(n, f.Where, func(a *Applied, _ *rand.Rand, t *transit) {
		t.held = held
		a.felt += int64(t.packets)
	})
	r.clog = held
	r.heal = func(*Applied) { held.release(n) }
	return r, err
}

// SwizzleClog clogs the wires of some machines one after the other, a Step apart. When it is
// healed it unclogs them in another order, drawn at random, again a Step apart.
type SwizzleClog struct {
	Hosts []string
	Step  time.Duration
}

func (f SwizzleClog) rule(n *Network) (rule, error) {
	hosts := make([]*Host, 0, len(f.Hosts))
	for _, name := range f.Hosts {
		h := n.byName[name]
		if h == nil {
			return rule{}, fmt.Errorf("no machine %q", name)
		}
		hosts = append(hosts, h)
	}
	if len(hosts) == 0 || f.Step < 0 {
		return rule{}, fmt.Errorf(
			"swizzle-clog of %d machines with steps of %v, need some and no negative step",
			len(hosts), f.Step)
	}
	var clogs []*Applied
	var timers []*event.Timer
	start := func(a *Applied) {
		clogs = append(clogs, n.clogHost(a, hosts[0]))
		for i, h := range hosts[1:] {
			timers = append(timers, n.loop.After(time.Duration(i+1)*f.Step, func() {
				clogs = append(clogs, n.clogHost(a, h))
			}))
		}
	}
	heal := func(a *Applied) {
		for _, t := range timers {
			n.loop.Stop(t)
		}
		rng := n.loop.Stream("net/fault/" + a.name)
		rng.Shuffle(len(clogs), func(i, j int) { clogs[i], clogs[j] = clogs[j], clogs[i] })
		for i, c := range clogs {
			n.loop.After(time.Duration(i)*f.Step, c.Heal)
		}
	}
	return rule{start: start, heal: heal}, nil
}

// clogHost clogs one machine's wire on behalf of a fault that counts what is felt.
func (n *Network) clogHost(a *Applied, h *Host) *Applied {
	held := &clogged{}
	c := &Applied{net: n, name: a.name + "/" + h.name, rule: rule{
		match: func(p *pair) bool { return p.from == h || p.to == h },
		pass: func(_ *Applied, _ *rand.Rand, t *transit) {
			t.held = held
			a.felt += int64(t.packets)
		},
		heal: func(*Applied) { held.release(n) },
		clog: held,
	}}
	n.active = append(n.active, c)
	n.version++
	return c
}
