//go:build mutant_local_clock

package mutant

// Planted is the bug in this build.
const Planted = LocalClock
