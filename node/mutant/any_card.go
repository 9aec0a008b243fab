//go:build mutant_any_card

package mutant

// Planted is the bug in this build.
const Planted = AnyCard
