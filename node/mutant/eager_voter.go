//go:build mutant_eager_voter

package mutant

// Planted is the bug in this build.
const Planted = EagerVoter
