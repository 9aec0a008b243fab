//go:build mutant_unverified_hash

package mutant

// Planted is the bug in this build.
const Planted = UnverifiedHash
