//go:build mutant_uncompared_states

package mutant

// Planted is the bug in this build.
const Planted = UncomparedStates
