//go:build mutant_forgetful_voter

package mutant

// Planted is the bug in this build.
const Planted = ForgetfulVoter
