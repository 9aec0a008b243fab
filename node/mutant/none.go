//go:build !mutant

package mutant

// Planted is the bug in this build.
const Planted = None
