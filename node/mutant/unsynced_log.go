//go:build mutant_unsynced_log

package mutant

// Planted is the bug in this build.
const Planted = UnsyncedLog
