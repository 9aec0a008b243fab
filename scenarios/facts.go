package scenarios

import (
	"reflect"
	"slices"

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

// Kinds returns the names of the kinds of faults that a run of the scenario can have, in the order of the catalogue: those of the
// schedule that it lists, or those that its generator finds room for. One that a large sweep never felt is a hole in what it shows.
func (s *Scenario) Kinds() []string {
	var may []chaos.Kind
	if s.Faults.Schedule.Text != "" {
		schedule, err := s.scripted()
		if err != nil {
			panic(err) // it was validated
		}
		for i := range schedule {
			may = append(may, schedule[i].Kind)
		}
	} else {
		c := s.generatorConfig()
		may = c.Drawn()
	}
	return slices.DeleteFunc(chaos.Kinds(), func(kind string) bool { return !slices.Contains(may, chaos.Kind(kind)) })
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
