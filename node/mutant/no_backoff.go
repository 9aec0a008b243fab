//go:build mutant_no_backoff

package mutant

// Planted is the bug in this build.
const Planted = NoBackoff
