package net

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"picloud/sim/event"
)

// dropping is what faults do that let nothing pass.
func dropping(a *Applied, _ *rand.Rand, t *transit) { a.drop(t) }

// Partition cuts ways between machines. The functions of shapes.go make the usual ones.
type Partition struct{ Cuts []Cut }

func (f Partition) rule(n *Network) (rule, error) {
	type sides struct{ from, to map[*Host]bool }
	all := make([]sides, 0, len(f.Cuts))
	set := func(names []string) (map[*Host]bool, error) {
		hosts := make(map[*Host]bool, len(names))
		for _, name := range names {
			h := n.byName[name]
			if h == nil {
				return nil, fmt.Errorf("no machine %q", name)
			}
			hosts[h] = true
		}
		return hosts, nil
	}
	for _, c := range f.Cuts {
		from, err := set(c.From)
		if err != nil {
			return rule{}, err
		}
		to, err := set(c.To)
		if err != nil {
			return rule{}, err
		}
		all = append(all, sides{from, to})
	}
	match := func(p *pair) bool {
		for _, s := range all {
			if s.from[p.from] && s.to[p.to] {
				return true
			}
		}
		return false
	}
	return rule{match: match, pass: dropping}, nil
}

// WireCut drops all of some traffic: a wire that is out, one way or both.
type WireCut struct{ Where }

func (f WireCut) rule(n *Network) (rule, error) { return touching(n, f.Where, dropping) }

// SwitchDark takes a switch out: nothing passes through it, in any direction.
type SwitchDark struct{ Switch string }

func (f SwitchDark) rule(n *Network) (rule, error) {
	dark := n.switches[f.Switch]
	if dark == nil {
		return rule{}, fmt.Errorf("no switch %q", f.Switch)
	}
	return rule{match: through(dark), pass: dropping}, nil
}

// through matches the ways that lead through a switch.
func through(s *fabric) func(*pair) bool {
	return func(p *pair) bool { return slices.Contains(p.switches, s) }
}

// Flap cuts and mends in turn, all that it touches at once. Each period has its own share of
// time that is cut, between MinPPM and MaxPPM.
type Flap struct {
	Where
	Period         time.Duration
	MinPPM, MaxPPM int
}

func (f Flap) rule(n *Network) (rule, error) {
	if err := checkPPM("share of time that is cut", f.MinPPM); err != nil {
		return rule{}, err
	}
	if err := checkPPM("share of time that is cut", f.MaxPPM); err != nil {
		return rule{}, err
	}
	if f.Period <= 0 || f.MinPPM > f.MaxPPM {
		return rule{}, fmt.Errorf(
			"flapping with period %v and %d to %d ppm, need a period and a range",
			f.Period, f.MinPPM, f.MaxPPM)
	}
	var rng *rand.Rand
	var period, mended event.Time // start of this period, and when its cut ends
	r, err := touching(n, f.Where, func(a *Applied, _ *rand.Rand, t *transit) {
		for t.now >= period { // one draw a period, whoever sends
			share := f.MinPPM + rng.IntN(f.MaxPPM-f.MinPPM+1)
			mended = period.Add(f.Period / 1000 * time.Duration(share) / 1000)
			period = period.Add(f.Period)
		}
		if t.now < mended {
			a.drop(t)
		}
	})
	r.start = func(a *Applied) {
		rng = n.loop.Stream("net/fault/" + a.name)
		period = n.loop.Now()
		mended = period
	}
	return r, err
}

// Refuse answers requests to open a stream with a refusal, as a firewall does. From is the end
// that dials.
type Refuse struct{ Where }

func (f Refuse) rule(n *Network) (rule, error) {
	return touching(n, f.Where, func(a *Applied, _ *rand.Rand, t *transit) {
		if !t.seg.opens() {
			return
		}
		r := n.newSegment()
		r.pair = t.pair.to.pair(t.pair.from)
		r.from, r.to = t.seg.to, t.seg.from
		r.flags = flagRST | flagACK
		r.ack = t.seg.end()
		var there time.Duration
		for _, l := range t.pair.links {
			there += l.latency.Base
		}
		n.loop.After(2*there, r.arrive)
		t.dropped = true
		a.felt++
	})
}

// Hang lets requests to open a stream vanish; streams that are open go on.
type Hang struct{ Where }

func (f Hang) rule(n *Network) (rule, error) {
	return touching(n, f.Where, func(a *Applied, _ *rand.Rand, t *transit) {
		if t.seg.opens() {
			a.drop(t)
		}
	})
}
