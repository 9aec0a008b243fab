//go:build mutant_unlogged_delete

package mutant

// Planted is the bug in this build.
const Planted = UnloggedDelete
