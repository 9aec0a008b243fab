//go:build mutant_retried_sync

package mutant

// Planted is the bug in this build.
const Planted = RetriedSync
