//go:build mutant_watch_gap

package mutant

// Planted is the bug in this build.
const Planted = WatchGap
