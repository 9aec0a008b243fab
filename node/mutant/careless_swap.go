//go:build mutant_careless_swap

package mutant

// Planted is the bug in this build.
const Planted = CarelessSwap
