//go:build mutant_late_effect

package mutant

// Planted is the bug in this build.
const Planted = LateEffect
