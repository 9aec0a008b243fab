package net

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Fault is something that goes wrong with the network: one of the types of this package that
// Apply takes. Shares are per million.
type Fault interface {
	// rule checks the fault against the network and says what it does.
	rule(n *Network) (rule, error)
}

// rule is what a fault does. A fault either touches what is sent while it lasts or happens once.
type rule struct {
	match func(*pair) bool // which ways it touches
	port  uint16           // if not zero, only segments from or to this port
	pass  func(*Applied, *rand.Rand, *transit)
	start func(*Applied)
	heal  func(*Applied)
	clog  *clogged // what a clog holds
}

// Applied is a fault that was applied.
type Applied struct {
	net    *Network
	name   string
	rule   rule
	rngs   map[*pair]*rand.Rand
	felt   int64
	healed bool
}

// Apply lets a fault begin. Its name chooses its random numbers: one name, one fault in a run.
func (n *Network) Apply(name string, f Fault) (*Applied, error) {
	r, err := f.rule(n)
	if err != nil {
		return nil, fmt.Errorf("network fault %q: %w", name, err)
	}
	a := &Applied{net: n, name: name, rule: r}
	n.active = append(n.active, a)
	n.version++
	if r.start != nil {
		r.start(a)
	}
	return a, nil
}

// Heal ends the fault. Healing twice does nothing.
func (a *Applied) Heal() {
	if a.healed {
		return
	}
	a.healed = true
	a.net.remove(a)
	if a.rule.heal != nil {
		a.rule.heal(a)
	}
}

// Felt counts what the fault did: packets that it dropped, delayed, copied, changed or held,
// connections that it refused, streams that it ended.
func (a *Applied) Felt() int64 { return a.felt }

func (n *Network) remove(a *Applied) {
	if i := slices.Index(n.active, a); i >= 0 {
		n.active = slices.Delete(n.active, i, i+1)
		n.version++
	}
}

// stream returns the fault's random numbers for a pair.
func (a *Applied) stream(p *pair) *rand.Rand {
	rng := a.rngs[p]
	if rng == nil {
		rng = a.net.loop.Stream("net/fault/" + a.name + "/" + p.from.name + ">" + p.to.name)
		if a.rngs == nil {
			a.rngs = make(map[*pair]*rand.Rand)
		}
		a.rngs[p] = rng
	}
	return rng
}

// drop ends the way of a segment and counts its packets.
func (a *Applied) drop(t *transit) {
	t.dropped = true
	a.felt += int64(t.packets)
	a.net.stats.FaultDrops += int64(t.packets)
}

// Direction is a direction of a wire, seen from the machine or the lower switch.
type Direction uint8

// The directions. Up leads away from the machine, towards the root.
const (
	Both Direction = iota
	Up
	Down
)

// Where says which traffic a fault touches: what meets every condition that is set. The zero
// Where is all traffic between machines; what a machine sends to itself is never touched.
type Where struct {
	From, To  string    // machines
	Mutual    bool      // also the other way, with From and To exchanged
	Link      string    // the wire of a machine, or the uplink of a switch
	Direction Direction // of Link
	Port      uint16    // a port at either end
}

func (w Where) matcher(n *Network) (func(*pair) bool, error) {
	var from, to *Host
	for _, end := range []struct {
		name string
		host **Host
	}{{w.From, &from}, {w.To, &to}} {
		if end.name == "" {
			continue
		}
		if *end.host = n.byName[end.name]; *end.host == nil {
			return nil, fmt.Errorf("no machine %q", end.name)
		}
	}
	onLink, err := linkMatcher(n, w.Link, w.Direction)
	if err != nil {
		return nil, err
	}
	between := func(a, b *Host) bool {
		return (from == nil || from == a) && (to == nil || to == b)
	}
	return func(p *pair) bool {
		return (between(p.from, p.to) || w.Mutual && between(p.to, p.from)) && onLink(p)
	}, nil
}

func linkMatcher(n *Network, name string, d Direction) (func(*pair) bool, error) {
	if name == "" {
		return func(*pair) bool { return true }, nil
	}
	up, err := n.link(name, Up)
	if err != nil {
		return nil, err
	}
	down, err := n.link(name, Down)
	if err != nil {
		return nil, err
	}
	return func(p *pair) bool {
		for _, l := range p.links {
			if l == up && d != Down || l == down && d != Up {
				return true
			}
		}
		return false
	}, nil
}

// checkPPM reports a share that is not one.
func checkPPM(what string, ppm int) error {
	if ppm < 0 || ppm > million {
		return fmt.Errorf("%s of %d ppm, need 0 to %d", what, ppm, million)
	}
	return nil
}

// strikes draws whether something that happens to ppm of all happens now.
func strikes(rng *rand.Rand, ppm int) bool { return rng.IntN(million) < ppm }
