//go:build mutant_forgotten_replies

package mutant

// Planted is the bug in this build.
const Planted = ForgottenReplies
