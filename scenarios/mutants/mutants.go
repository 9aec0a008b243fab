// Package mutants lists the bugs that can be planted in the product's code. They tell whether the
// scenarios would find bugs of our own making.
//
// Invariants: a mutant that no seed finds is a hole in the checks or in the faults, and the seed that
// finds one must not fail without it.
package mutants

import "picloud/node/mutant"

// Mutant is a bug that can be planted.
type Mutant struct {
	Name    mutant.Name
	Meaning string // what it does wrong, in one line
}

// All returns the mutants, in the order of their names. Some that were tried are not there, as
// nothing found them: entries read without their checksum (Pebble checks its blocks itself); term
// and vote written without a sync (the first entry of the new leader syncs them a few milliseconds
// later) or forgotten at every start (a second vote in one term needs candidates at the same
// moment); entries that another leader overwrote left in the log (30 seeds); and a disk that nobody
// watches (while it hangs nothing is served, but no check asks for service before everything is
// healed).
func All() []Mutant {
	return []Mutant{
		{mutant.CarelessSwap, "a compare-and-swap does not compare"},
		{mutant.EarlyAnswer, "a write is answered when it was proposed, not when it is committed"},
		{mutant.FalseFailure, "a write that lost its leader is said to have had no effect"},
		{mutant.LocalClock, "a node leaves out entries from what its own clock calls the future"},
		{mutant.StaleRead, "a leader answers reads from its memory and asks nobody"},
		{mutant.UncheckedWire, "frames are not compared with their checksums"},
		{mutant.UnloggedDelete, "a delete happens in the leader's memory only"},
		{mutant.UnsyncedLog, "entries are acknowledged before they are synced"},
	}
}
