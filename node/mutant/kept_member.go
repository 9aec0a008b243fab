//go:build mutant_kept_member

package mutant

// Planted is the bug in this build.
const Planted = KeptMember
