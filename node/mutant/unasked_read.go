//go:build mutant_unasked_read

package mutant

// Planted is the bug in this build.
const Planted = UnaskedRead
