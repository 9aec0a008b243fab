//go:build mutant_early_done

package mutant

// Planted is the bug in this build.
const Planted = EarlyDone
