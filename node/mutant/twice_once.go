//go:build mutant_twice_once

package mutant

// Planted is the bug in this build.
const Planted = TwiceOnce
