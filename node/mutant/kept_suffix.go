//go:build mutant_kept_suffix

package mutant

// Planted is the bug in this build.
const Planted = KeptSuffix
