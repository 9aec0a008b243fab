//go:build mutant_hasty_begin

package mutant

// Planted is the bug in this build.
const Planted = HastyBegin
