//go:build mutant_fails_open

package mutant

// Planted is the bug in this build.
const Planted = FailsOpen
