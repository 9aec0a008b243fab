//go:build mutant_endless_hold

package mutant

// Planted is the bug in this build.
const Planted = EndlessHold
