//go:build mutant_shared_reputation

package mutant

// Planted is the bug in this build.
const Planted = SharedReputation
