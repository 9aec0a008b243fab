//go:build mutant_counts_from_zero

package mutant

// Planted is the bug in this build.
const Planted = CountsFromZero
