//go:build mutant_unwatched_disk

package mutant

// Planted is the bug in this build.
const Planted = UnwatchedDisk
