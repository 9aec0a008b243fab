package scenarios

import (
	"fmt"
	"maps"
	"slices"

	"picloud/chaos"
	"picloud/node"
)

// defences returns how each defence of a node is switched off.
func defences() map[string]func(*node.Config) {
	return map[string]func(*node.Config){
		"health": func(c *node.Config) { c.Health = nil },
		"proof":  func(c *node.Config) { c.Proof = nil },
		"verify": func(c *node.Config) {
			if c.Proof != nil {
				unverified := *c.Proof
				unverified.Verify = "off"
				c.Proof = &unverified
			}
		},
	}
}

// Defences returns the names of the defences that a scenario can do without, in order.
func Defences() []string { return slices.Sorted(maps.Keys(defences())) }

// SwitchOff lets the scenario do without a defence. Its file says so from then on.
func (s *Scenario) SwitchOff(defence string) error {
	if defences()[defence] == nil {
		return fmt.Errorf("there is no defence %q%s: there are %v", defence, chaos.DidYouMean(defence, Defences()), Defences())
	}
	if slices.Contains(s.Without, defence) {
		return nil
	}
	if len(s.Without) == 0 {
		s.text = fmt.Appendf(s.text, "\nwithout: [%s]\n", defence)
	} else {
		return fmt.Errorf("the scenario does without %v already", s.Without)
	}
	s.Without = append(s.Without, defence)
	return nil
}

func (s *Scenario) validateDefences() error {
	for i, name := range s.Without {
		if defences()[name] == nil {
			return wrong(fmt.Sprintf("without[%d]", i), "there is no defence %q%s", name, chaos.DidYouMean(name, Defences()))
		}
	}
	return nil
}
