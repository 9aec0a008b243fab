package scenarios

import (
	_ "embed"

	"picloud/chaos"
)

//go:embed pinned.txt
var pinnedText string

// Pinned returns the list of seeds that failed once, which every sweep runs first: a line each
// with the scenario, the seed, and what it had found.
func Pinned() string { return pinnedText }

// PlaysAllKinds tells whether the scenario's generator may play every kind of the catalogue.
func (s *Scenario) PlaysAllKinds() bool {
	for _, k := range s.Faults.Kinds {
		if k.Kind == Others {
			return s.Faults.Schedule.Text == ""
		}
	}
	return len(s.Faults.Kinds) == len(chaos.Kinds())
}
