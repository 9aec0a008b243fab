package draw

import "math/rand/v2"

// FromSeed returns the source that a seed is.
func FromSeed(seed uint64) Source { return random{rand.New(rand.NewPCG(seed, 0x647261776e))} }

// random draws all numbers alike.
type random struct{ *rand.Rand }

// Int returns a number from low to high.
func (r random) Int(_ string, low, high int) int { return low + r.IntN(high-low+1) }
