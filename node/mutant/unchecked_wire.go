//go:build mutant_unchecked_wire

package mutant

// Planted is the bug in this build.
const Planted = UncheckedWire
