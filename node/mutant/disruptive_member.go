//go:build mutant_disruptive_member

package mutant

// Planted is the bug in this build.
const Planted = DisruptiveMember
