package twin

import (
	"math/bits"
	"time"
)

// decay is exp(-t/tau) for any t, in units of 2^-64: entry k is for 2^k nanoseconds, and a time is the product over its bits. The library
// has other code for exp on each architecture, and so other bits.
type decay [46]uint64

func newDecay(tau time.Duration) *decay {
	var d decay
	for k := range d {
		if t := uint64(1) << k; t < uint64(tau)/2 {
			x, _ := bits.Div64(t, 0, uint64(tau))
			d[k] = expMinus(x)
		} else {
			d[k] = fraction(d[k-1], d[k-1])
		}
	}
	return &d
}

// expMinus returns exp(-x) by its series; both are in units of 2^-64.
func expMinus(x uint64) uint64 {
	sum, term := uint64(0), x
	for n := uint64(2); term > 0; n++ {
		if n%2 == 0 {
			sum -= term // wraps from 2^64, which is one
		} else {
			sum += term
		}
		term = fraction(term, x) / n
	}
	return sum
}

// over returns what is left after a time above zero.
func (d *decay) over(t time.Duration) uint64 {
	if uint64(t)>>len(d) != 0 {
		return 0
	}
	left := ^uint64(0)
	for rest := uint64(t); rest != 0; rest &= rest - 1 {
		left = fraction(left, d[bits.TrailingZeros64(rest)])
	}
	return left
}

// fraction returns x times a fraction in units of 2^-64.
func fraction(x, f uint64) uint64 {
	whole, _ := bits.Mul64(x, f)
	return whole
}

// approach returns where a value is that goes to a target and has a fraction of its way left.
func approach(value, target int64, left uint64) int64 {
	if value >= target {
		return target + int64(fraction(uint64(value-target), left))
	}
	return target - int64(fraction(uint64(target-value), left))
}

// power returns (part/whole)^(hundredths/100) in parts per million, for 0 < part <= whole. The fraction of the exponent is taken bit by
// bit, by square roots.
func power(part, whole, hundredths int64) int64 {
	const one = 1 << 32
	if part >= whole {
		return 1_000_000
	}
	base, result := uint64(part)*one/uint64(whole), uint64(one)
	for range hundredths / 100 {
		result = result * base >> 32
	}
	for rest := uint64(hundredths) % 100 * one / 100; rest != 0; {
		base, rest = squareRoot(base<<32), rest<<1
		if rest >= one {
			result, rest = result*base>>32, rest-one
		}
	}
	return int64((result*1_000_000 + one/2) >> 32)
}

// squareRoot returns the whole part of a root, by Newton's way.
func squareRoot(x uint64) uint64 {
	if x < 2 {
		return x
	}
	r := uint64(1) << ((bits.Len64(x) + 1) / 2)
	for {
		next := (r + x/r) / 2
		if next >= r {
			return r
		}
		r = next
	}
}

const greatest = 1<<63 - 1

// mulDiv returns amount * part / whole of numbers that are not negative, and the greatest number if that is too great.
func mulDiv(amount, part, whole int64) int64 {
	hi, lo := bits.Mul64(uint64(amount), uint64(part))
	if hi >= uint64(whole) {
		return greatest
	}
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(min(q, greatest))
}
