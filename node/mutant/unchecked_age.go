//go:build mutant_unchecked_age

package mutant

// Planted is the bug in this build.
const Planted = UncheckedAge
