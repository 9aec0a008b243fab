//go:build mutant_stale_set

package mutant

// Planted is the bug in this build.
const Planted = StaleSet
