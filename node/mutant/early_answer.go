//go:build mutant_early_answer

package mutant

// Planted is the bug in this build.
const Planted = EarlyAnswer
