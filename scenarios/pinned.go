package scenarios

import (
	_ "embed"
	"slices"

	"picloud/chaos"
)

//go:embed pinned.txt
var pinnedText string

// Pinned returns the list of seeds that failed once, which every sweep runs first: a line each
// with the scenario, the seed, and what it had found.
func Pinned() string { return pinnedText }

// Playable returns the names of the kinds of faults that can be played on the scenario's machines, in the order of the
// catalogue: those that start in the hardware need modelled boards, one of relays a relay, and those beyond what copies make up for must be listed.
func (s *Scenario) Playable() []string {
	listed := func(name string) bool {
		return slices.ContainsFunc(s.Faults.Kinds, func(k KindRate) bool { return k.Kind == name })
	}
	return slices.DeleteFunc(chaos.Kinds(), func(name string) bool {
		spec, _ := chaos.Lookup(chaos.Kind(name))
		unfed := spec.Needs == chaos.GearRelay && s.Hardware != nil && len(s.Hardware.Relays) == 0
		return spec.Class == chaos.ClassHardware && s.Hardware == nil || unfed || spec.Beyond && !listed(name)
	})
}
