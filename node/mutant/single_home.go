//go:build mutant_single_home

package mutant

// Planted is the bug in this build.
const Planted = SingleHome
