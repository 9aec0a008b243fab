//go:build mutant_stale_read

package mutant

// Planted is the bug in this build.
const Planted = StaleRead
