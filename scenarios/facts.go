package scenarios

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"picloud/chaos"
)

// Tier says what the load of the scenario uses.
func (s *Scenario) Tier() string {
	switch {
	case s.Users != nil:
		return "pinboard"
	case s.Store != nil:
		return "store"
	}
	return "map"
}

// Kinds returns the kinds of faults that a run of the scenario may have, in the order of the catalogue: those of its
// schedule, or those that the generator finds a target for.
func (s *Scenario) Kinds() []string {
	var may []string
	if s.Faults.Schedule.Text != "" {
		schedule, err := s.scripted()
		if err != nil {
			panic(err) // it was validated
		}
		for _, f := range schedule {
			may = append(may, string(f.Kind))
		}
	} else {
		for _, k := range s.generatorConfig().Kinds {
			if s.drawable(k) {
				may = append(may, string(k.Kind))
			}
		}
	}
	return slices.DeleteFunc(chaos.Kinds(), func(kind string) bool { return !slices.Contains(may, kind) })
}

// drawable tells whether the generator finds a place for a kind if it is the only one. The tries are the same for every call.
func (s *Scenario) drawable(k chaos.KindRate) bool {
	const tries = 20
	c := s.generatorConfig()
	c.Limits.StormRate = 1_000_000 // in which more of them may be out
	c.Kinds, c.Required, c.SwarmRate = []chaos.KindRate{{Kind: k.Kind, Every: time.Second}}, nil, 1_000_000
	for try := range uint64(tries) {
		schedule, err := chaos.Generate(c, func(name string) *rand.Rand { return rand.New(rand.NewPCG(try, uint64(len(name)))) })
		if err == nil && slices.ContainsFunc(schedule, func(f chaos.Fault) bool { return f.Kind == k.Kind }) {
			return true
		}
	}
	return false
}

// Classes returns the classes of the kinds that a run may have, in the order of the catalogue.
func (s *Scenario) Classes() []string {
	var classes []string
	for _, kind := range s.Kinds() {
		if spec, _ := chaos.Lookup(chaos.Kind(kind)); !slices.Contains(classes, string(spec.Class)) {
			classes = append(classes, string(spec.Class))
		}
	}
	return classes
}

// CheckNames returns the names of the checks that the file asks for, in the order in which package scenarios lists them, then of
// those that are always made.
func (s *Scenario) CheckNames() []string {
	var names []string
	all := reflect.ValueOf(s.Checks)
	for i := range all.NumField() {
		if !all.Field(i).IsNil() {
			names = append(names, all.Type().Field(i).Tag.Get("yaml"))
		}
	}
	if s.Store != nil {
		names = append(names, "leader-lost-mid-change")
	}
	return append(names, "no-unexpected-death", "faults-felt")
}
