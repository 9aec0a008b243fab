package phash

import (
	"cmp"
	"errors"
	"math/bits"
	"slices"
	"sync"
)

// Index is a set of hashes, and finds those that are close to one. It may be used by many goroutines at once.
//
// It looks at all hashes, which lie side by side: at this radius that is as quick as multi-index hashing, which has to look
// into thousands of chains all over the memory. DESIGN.md has the figures.
type Index struct {
	mu     sync.RWMutex
	hashes []Hash // in no order
	at     map[Hash]int
}

// Match is a hash of an index that is close to one that was asked for.
type Match struct {
	Hash     Hash // of the index
	Asked    Hash
	Mirrored bool // the mirror image of what was asked for is close
	Distance int
}

// NewIndex returns an index without hashes.
func NewIndex() *Index { return &Index{at: map[Hash]int{}} }

// Add adds a hash, unless it is there already. It is an error to add the zero Hash.
func (x *Index) Add(h Hash) error {
	if h == (Hash{}) {
		return errors.New("add a picture's hash: the hash of zeros is that of no picture")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, is := x.at[h]; !is {
		x.at[h] = len(x.hashes)
		x.hashes = append(x.hashes, h)
	}
	return nil
}

// Remove removes a hash, and tells whether it was there.
func (x *Index) Remove(h Hash) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, is := x.at[h]
	if !is {
		return false
	}
	last := len(x.hashes) - 1
	x.hashes[i] = x.hashes[last]
	x.at[x.hashes[i]] = i
	delete(x.at, h)
	x.hashes = x.hashes[:last]
	return true
}

// Len returns how many hashes there are.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.hashes)
}

// Find returns the hashes within Radius of any that is asked for, or of its mirror image: each once, with what of all
// that is the closest, and the closest first. The zero Hash has none.
func (x *Index) Find(asked ...Hash) []Match {
	best := map[Hash]Match{}
	x.mu.RLock()
	for _, a := range asked {
		if a != (Hash{}) {
			x.look(a, Match{Asked: a}, best)
			x.look(a.Mirrored(), Match{Asked: a, Mirrored: true}, best)
		}
	}
	x.mu.RUnlock()
	all := make([]Match, 0, len(best))
	for _, m := range best {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), slices.Compare(a.Hash[:], b.Hash[:]))
	})
	return all
}

// look puts what is close to a hash into best, where it is better than what is there.
func (x *Index) look(h Hash, m Match, best map[Hash]Match) {
	for i := range x.hashes {
		o := &x.hashes[i]
		d := bits.OnesCount64(o[0]^h[0]) + bits.OnesCount64(o[1]^h[1]) + bits.OnesCount64(o[2]^h[2])
		if d > Radius {
			continue // as nearly all are
		}
		if d += bits.OnesCount64(o[3] ^ h[3]); d > Radius {
			continue
		}
		if old, is := best[*o]; !is || d < old.Distance {
			m.Hash, m.Distance = *o, d
			best[*o] = m
		}
	}
}
