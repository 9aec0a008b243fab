package net

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// touching makes the rule of a fault that sees every segment of some traffic.
func touching(n *Network, w Where, pass func(*Applied, *rand.Rand, *transit)) (rule, error) {
	match, err := w.matcher(n)
	return rule{match: match, port: w.Port, pass: pass}, err
}

// Loss drops each packet with a probability. What was handed to the card behind a lost packet in
// one unit is lost with it, as losses come in bursts.
type Loss struct {
	Where
	PPM int
}

func (f Loss) rule(n *Network) (rule, error) {
	if err := checkPPM("loss", f.PPM); err != nil {
		return rule{}, err
	}
	return touching(n, f.Where, func(a *Applied, rng *rand.Rand, t *transit) {
		for i := range t.packets {
			if strikes(rng, f.PPM) {
				lost := int64(t.keep(i))
				a.felt += lost
				a.net.stats.FaultDrops += lost
				return
			}
		}
	})
}

// Duplication delivers a unit again, up to Late after the first time.
type Duplication struct {
	Where
	PPM  int
	Late time.Duration
}

func (f Duplication) rule(n *Network) (rule, error) {
	if err := checkPPM("duplication", f.PPM); err != nil {
		return rule{}, err
	}
	if f.Late < 0 {
		return rule{}, fmt.Errorf("duplicates late by %v, need zero or more", f.Late)
	}
	return touching(n, f.Where, func(a *Applied, rng *rand.Rand, t *transit) {
		if strikes(rng, f.PPM) {
			t.copies = append(t.copies, time.Duration(rng.Int64N(int64(f.Late)+1)))
			a.felt += int64(t.packets)
		}
	})
}

// Reordering holds a unit back by up to By, while later ones pass it.
type Reordering struct {
	Where
	PPM int
	By  time.Duration
}

func (f Reordering) rule(n *Network) (rule, error) {
	if err := checkPPM("reordering", f.PPM); err != nil {
		return rule{}, err
	}
	if f.By <= 0 {
		return rule{}, fmt.Errorf("reordering by %v, need more than zero", f.By)
	}
	return touching(n, f.Where, func(a *Applied, rng *rand.Rand, t *transit) {
		if strikes(rng, f.PPM) {
			t.unordered = true
			t.late += 1 + time.Duration(rng.Int64N(int64(f.By)))
			a.felt += int64(t.packets)
		}
	})
}

// Corruption flips 1 to Bits bits of a unit's payload. The network's own checksums miss it, as
// bad memory in a switch or a card makes them do: only a checksum from end to end sees it.
type Corruption struct {
	Where
	PPM  int
	Bits int // 1 to 32
}

func (f Corruption) rule(n *Network) (rule, error) {
	if err := checkPPM("corruption", f.PPM); err != nil {
		return rule{}, err
	}
	if f.Bits < 1 || f.Bits > 32 {
		return rule{}, fmt.Errorf("corruption of up to %d bits, need 1 to 32", f.Bits)
	}
	return touching(n, f.Where, func(a *Applied, rng *rand.Rand, t *transit) {
		if len(t.seg.data) == 0 || !strikes(rng, f.PPM) {
			return
		}
		t.seg.unshare()
		for _, bit := range distinct(rng, 1+rng.IntN(f.Bits), len(t.seg.data)*8) {
			t.seg.data[bit/8] ^= 1 << (bit % 8)
		}
		a.felt++
	})
}

// distinct draws up to count different numbers below n, so that no flip undoes another.
func distinct(rng *rand.Rand, count, n int) []int {
	drawn := make([]int, 0, count)
next:
	for range min(count, n) {
		bit := rng.IntN(n)
		for _, d := range drawn {
			if d == bit {
				continue next
			}
		}
		drawn = append(drawn, bit)
	}
	return drawn
}

// Delay adds latency. Order is kept.
type Delay struct {
	Where
	Latency
}

func (f Delay) rule(n *Network) (rule, error) {
	if err := f.Latency.validate(); err != nil {
		return rule{}, err
	}
	return touching(n, f.Where, func(a *Applied, rng *rand.Rand, t *transit) {
		t.late += f.Base + f.Latency.extra(rng)
		a.felt += int64(t.packets)
	})
}
