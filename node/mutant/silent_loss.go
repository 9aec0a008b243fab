//go:build mutant_silent_loss

package mutant

// Planted is the bug in this build.
const Planted = SilentLoss
