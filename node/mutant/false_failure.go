//go:build mutant_false_failure

package mutant

// Planted is the bug in this build.
const Planted = FalseFailure
