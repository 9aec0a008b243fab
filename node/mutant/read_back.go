//go:build mutant_read_back

package mutant

// Planted is the bug in this build.
const Planted = ReadBack
