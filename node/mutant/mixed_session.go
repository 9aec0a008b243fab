//go:build mutant_mixed_session

package mutant

// Planted is the bug in this build.
const Planted = MixedSession
