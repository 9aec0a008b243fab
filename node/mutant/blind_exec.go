//go:build mutant_blind_exec

package mutant

// Planted is the bug in this build.
const Planted = BlindExec
