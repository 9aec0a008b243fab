package net

import "slices"

// Cut drops what any machine of From sends to any machine of To.
type Cut struct{ From, To []string }

// OneWay cuts what from sends to, and nothing that comes back.
func OneWay(from, to []string) Partition { return Partition{Cuts: []Cut{{from, to}}} }

// Split cuts two groups from each other.
func Split(a, b []string) Partition { return Partition{Cuts: []Cut{{a, b}, {b, a}}} }

// Isolate cuts some machines from all others; they still see each other.
func Isolate(all []string, some ...string) Partition {
	rest := slices.Clone(all)
	rest = slices.DeleteFunc(rest, func(h string) bool { return slices.Contains(some, h) })
	return Split(some, rest)
}

// MinorityThird isolates a third of the machines, rounded down but at least one: the first of
// them, so shuffle before.
func MinorityThird(all []string) Partition {
	return Isolate(all, all[:min(max(len(all)/3, 1), len(all))]...)
}

// MajoritySplit cuts the machines into the smallest majority and the rest: shuffle before.
func MajoritySplit(all []string) Partition {
	major := len(all)/2 + 1
	return Split(all[:min(major, len(all))], all[min(major, len(all)):])
}

// Bridge cuts the machines into two halves that only the machine in the middle, the bridge, sees
// both of: shuffle before.
func Bridge(all []string) Partition {
	if len(all) == 0 {
		return Partition{}
	}
	middle := len(all) / 2
	return Split(all[:middle], all[middle+1:])
}

// MajoritiesRing lets every machine see a majority, itself included, and no two the same: those
// that are near it on a ring in the given order. It needs four machines; with fewer, all see all.
func MajoritiesRing(all []string) Partition {
	var p Partition
	reach := (len(all)/2 + 1) / 2 // neighbours on either side
	for i, h := range all {
		var hidden []string
		for j, other := range all {
			apart := (j - i + len(all)) % len(all)
			if min(apart, len(all)-apart) > reach {
				hidden = append(hidden, other)
			}
		}
		if len(hidden) > 0 {
			p.Cuts = append(p.Cuts, Cut{From: []string{h}, To: hidden})
		}
	}
	return p
}

// Pair is a way from one machine to another.
type Pair struct{ From, To string }

// Pairs lists every way that the partition cuts, sorted, each once.
func (f Partition) Pairs() []Pair {
	var pairs []Pair
	for _, c := range f.Cuts {
		for _, a := range c.From {
			for _, b := range c.To {
				if a != b {
					pairs = append(pairs, Pair{a, b})
				}
			}
		}
	}
	slices.SortFunc(pairs, func(x, y Pair) int {
		return slices.Compare([]string{x.From, x.To}, []string{y.From, y.To})
	})
	return slices.Compact(pairs)
}
