//go:build mutant_no_hysteresis

package mutant

// Planted is the bug in this build.
const Planted = NoHysteresis
