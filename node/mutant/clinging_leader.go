//go:build mutant_clinging_leader

package mutant

// Planted is the bug in this build.
const Planted = ClingingLeader
