//go:build mutant_double_effect

package mutant

// Planted is the bug in this build.
const Planted = DoubleEffect
