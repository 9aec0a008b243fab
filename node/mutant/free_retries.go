//go:build mutant_free_retries

package mutant

// Planted is the bug in this build.
const Planted = FreeRetries
