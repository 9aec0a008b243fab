//go:build mutant_timer_fed

package mutant

// Planted is the bug in this build.
const Planted = TimerFed
