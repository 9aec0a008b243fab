//go:build mutant_hasty_answer

package mutant

// Planted is the bug in this build.
const Planted = HastyAnswer
