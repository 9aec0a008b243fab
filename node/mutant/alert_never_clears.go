//go:build mutant_alert_never_clears

package mutant

// Planted is the bug in this build.
const Planted = AlertNeverClears
