//go:build mutant_stale_lists

package mutant

// Planted is the bug in this build.
const Planted = StaleLists
