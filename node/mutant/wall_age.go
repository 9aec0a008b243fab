//go:build mutant_wall_age

package mutant

// Planted is the bug in this build.
const Planted = WallAge
