//go:build mutant_double_cycle

package mutant

// Planted is the bug in this build.
const Planted = DoubleCycle
