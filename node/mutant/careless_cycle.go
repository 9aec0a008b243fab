//go:build mutant_careless_cycle

package mutant

// Planted is the bug in this build.
const Planted = CarelessCycle
