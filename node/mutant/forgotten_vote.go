//go:build mutant_forgotten_vote

package mutant

// Planted is the bug in this build.
const Planted = ForgottenVote
