package text

import "math/bits"

// feature is something that is in a text: a weight of the model speaks of it.
type feature struct {
	index uint32 // of the weight
	kind  kind
	of    int32 // the number of the word that it is of, or of the trait
}

// kind is a group of features. All features of a group have one value.
type kind uint8

const (
	words  kind = iota // whole words
	grams              // four characters in a row, across words
	shapes             // what the text looks like
	kinds
)

// gram is how many characters a gram has, as in Sculley and Wachman, Relaxed online SVMs for spam filtering, SIGIR 2007.
const gram = 4

// share is the square of a group's part of a text's length, in quarters: shapes are few, and count half.
var share = [kinds]uint64{words: 4, grams: 4, shapes: 1}

// features are what is in a text, each once, and how much: values are in 1/one. The sum of their squares is at most one.
type features struct {
	all    []feature
	values [kinds]int64
	square int64 // the sum of the values' squares, in 1/one
}

// newFeatures hashes what is in a document onto 1<<size weights (Weinberger et al., Feature hashing for large scale multitask learning,
// ICML 2009). Of two that meet at one weight, the first counts.
func newFeatures(d *document, size int) *features {
	most := len(d.words) + len(d.runes) + traits
	s := gathered{f: &features{all: make([]feature, 0, most)}, shift: 64 - size, seen: newSeen(most)}
	for i, w := range d.words {
		s.add(words, hash(words, d.runes[w.from:w.to]), int32(i))
	}
	at := 0
	for i := 0; i+gram <= len(d.runes); i++ {
		for at+1 < len(d.words) && int32(i) >= d.words[at].to {
			at++
		}
		s.add(grams, hash(grams, d.runes[i:i+gram]), int32(at))
	}
	for _, t := range d.shape.traits() {
		s.add(shapes, hash(shapes, []rune{rune(t.kind), rune(t.class)}), int32(t.kind))
	}
	s.f.scale()
	return s.f
}

// scale gives each feature its value, such that groups have the lengths that they should have, and all together at most one.
func (f *features) scale() {
	var count [kinds]uint64
	for _, x := range f.all {
		count[x.kind]++
	}
	total := uint64(0)
	for k, n := range count {
		if n > 0 {
			total += share[k]
		}
	}
	for k, n := range count {
		if n > 0 {
			f.values[k] = int64(root(share[k] * one * one / (n * total)))
			f.square += int64(n) * f.values[k] * f.values[k]
		}
	}
	f.square /= one
}

// gathered adds features that are not there yet.
type gathered struct {
	f     *features
	shift int
	seen  seen
}

func (g *gathered) add(k kind, h uint64, of int32) {
	if index := uint32(h >> g.shift); g.seen.add(index) {
		g.f.all = append(g.f.all, feature{index, k, of})
	}
}

// hash is FNV-1a over characters in place of bytes, with the last step of MurmurHash3 behind it, so that all bits of the result depend on
// all of them.
func hash(k kind, runes []rune) uint64 {
	const basis, prime = 14695981039346656037, 1099511628211
	h := (uint64(basis) ^ uint64(k)) * prime
	for _, r := range runes {
		h = (h ^ uint64(r)) * prime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// seen is a set of numbers below 1<<32-1: a table that is at most half full. A map takes three times as long.
type seen []uint32 // each one too large by one; zero is a free place

func newSeen(most int) seen { return make(seen, 1<<bits.Len(uint(2*most))) }

// add adds a number, and tells whether it was not there.
func (s seen) add(n uint32) bool {
	mask := uint32(len(s) - 1)
	for i := n & mask; ; i = (i + 1) & mask {
		switch s[i] {
		case 0:
			s[i] = n + 1
			return true
		case n + 1:
			return false
		}
	}
}

// root returns the square root, rounded down, by Newton's method.
func root(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	x := uint64(1) << ((bits.Len64(n) + 1) / 2) // not below the root
	for {
		y := (x + n/x) / 2
		if y >= x {
			return x
		}
		x = y
	}
}
