package scenarios

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"picloud/chaos"
	"picloud/node"
	"picloud/reports"
	"picloud/scenarios/mutants"
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
	if len(s.Without) > 0 {
		return fmt.Errorf("the scenario does without %v already", s.Without)
	}
	before := s.nodeConfigs()
	if s.Without = []string{defence}; reflect.DeepEqual(before, s.nodeConfigs()) {
		s.Without = nil
		return fmt.Errorf("no node of the scenario %s has the defence %s, so that nothing can be switched off", s.Name, defence)
	}
	s.text = fmt.Appendf(s.text, "\nwithout: [%s]\n", defence)
	return nil
}

// nodeConfigs returns how the nodes are configured, in the order of their machines.
func (s *Scenario) nodeConfigs() (all []*node.Config) {
	for i := range s.Topology.Machines {
		all = append(all, s.NodeConfig(&s.Topology.Machines[i]))
	}
	return all
}

func (s *Scenario) validateDefences() error {
	for i, name := range s.Without {
		if defences()[name] == nil {
			return wrong(fmt.Sprintf("without[%d]", i), "there is no defence %q%s", name, chaos.DidYouMean(name, Defences()))
		}
	}
	return nil
}

// Defence is what the scenario is about: a part of the product without which a check fails, or an alert fires, that does not with it.
// It is switched off in the nodes' configuration, or a planted bug takes its place.
type Defence struct {
	Off    string `yaml:"off"`    // what is switched off, of Defences
	Mutant string `yaml:"mutant"` // or the bug that is planted, of package mutants
	Fails  string `yaml:"fails"`  // the check that fails without it
	Fires  string `yaml:"fires"`  // or the alert that fires without it only
	Seeds  int    `yaml:"seeds"`  // from 1 on: one of them shows it
	Dear   bool   `yaml:"dear"`   // a run takes more than half a minute of real time
}

func (s *Scenario) validateDefence() error {
	d := s.Defence
	if d == nil {
		return nil
	}
	var planted []string
	for _, m := range mutants.All() {
		planted = append(planted, string(m.Name))
	}
	switch {
	case (d.Off == "") == (d.Mutant == ""):
		return wrong("defence", "a defence is switched off, or a mutant takes its place: one of both")
	case (d.Fails == "") == (d.Fires == ""):
		return wrong("defence", "without its defence a check fails, or an alert fires: one of both")
	case d.Off != "" && !slices.Contains(Defences(), d.Off):
		return wrong("defence.off", "there is no defence %q%s", d.Off, chaos.DidYouMean(d.Off, Defences()))
	case d.Mutant != "" && !slices.Contains(planted, d.Mutant):
		return wrong("defence.mutant", "there is no mutant %q%s", d.Mutant, chaos.DidYouMean(d.Mutant, planted))
	case d.Fails != "" && !slices.Contains(s.CheckNames(), d.Fails):
		return wrong("defence.fails", "the scenario makes no check %q%s", d.Fails, chaos.DidYouMean(d.Fails, s.CheckNames()))
	case d.Fires != "" && !s.hasMonitor():
		return wrong("defence.fires", "an alert fires where there is a monitor")
	case d.Seeds < 1 || d.Seeds > 1000:
		return wrong("defence.seeds", "%d seeds, it must be 1 to 1000", d.Seeds)
	}
	return nil
}

// Name returns what is switched off, as a person would say it.
func (d *Defence) Name() string {
	if d.Off != "" {
		return d.Off
	}
	return "mutant " + d.Mutant
}

// Shows says what the scenario shows when it is switched off.
func (d *Defence) Shows() string {
	if d.Fails != "" {
		return "check " + d.Fails + " fails"
	}
	return "alert " + d.Fires + " fires"
}

// Shown tells whether a run shows what the scenario shows without its defence.
func (d *Defence) Shown(r *reports.Result) bool {
	if d.Fails != "" {
		return slices.ContainsFunc(r.Checks, func(c reports.Check) bool { return c.Name == d.Fails && c.Status == reports.Fail })
	}
	return slices.ContainsFunc(r.Alerts, func(a reports.Alert) bool { return a.Name == d.Fires })
}
