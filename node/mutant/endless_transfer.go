//go:build mutant_endless_transfer

package mutant

// Planted is the bug in this build.
const Planted = EndlessTransfer
