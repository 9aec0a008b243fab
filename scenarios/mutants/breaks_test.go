package mutants_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"picloud/scenarios"
	"picloud/scenarios/mutants"
)

// TestWhatAMutantBreaksIsThere: a check that its scenario does not make, or a test that has another name by now, would never show it.
func TestWhatAMutantBreaksIsThere(t *testing.T) {
	for _, m := range mutants.All() {
		if (m.Scenario == "") == (m.Package == "") {
			t.Errorf("%s is looked for in a scenario, or by the tests of a package: one of both", m.Name)
			continue
		}
		there := testsOf(t, m.Package)
		if m.Scenario != "" {
			there = load(t, m.Scenario).CheckNames()
		}
		if len(m.Breaks) == 0 {
			t.Errorf("nothing shows %s", m.Name)
		}
		for i, name := range m.Breaks {
			if !slices.Contains(there, name) || slices.Contains(m.Breaks[:i], name) {
				t.Errorf("%s is to break %s, which %s%s does not have, or twice", m.Name, name, m.Scenario, m.Package)
			}
		}
	}
}

// TestAMutantBreaksWhatItsScenarioSaysOfIt: what defences are measured by is known to show it.
func TestAMutantBreaksWhatItsScenarioSaysOfIt(t *testing.T) {
	for _, m := range mutants.All() {
		if m.Scenario == "" {
			continue
		}
		d := load(t, m.Scenario).Defence
		if d != nil && d.Mutant == string(m.Name) && m.ShownBy([]string{d.Fails}) == "" {
			t.Errorf("without the defence of %s the check %s fails, which does not show %s", m.Scenario, d.Fails, m.Name)
		}
	}
}

func TestWhatFailsFirstOfWhatAMutantBreaksShowsIt(t *testing.T) {
	m := &mutants.Mutant{Breaks: []string{"durable", "linearizable"}}
	for want, failed := range map[string][]string{"": {"live"}, "linearizable": {"live", "linearizable", "durable"}} {
		if got := m.ShownBy(failed); got != want {
			t.Errorf("%v: shown by %q, want %q", failed, got, want)
		}
	}
}

func load(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testsOf returns the names of the tests of a package, if there is one.
func testsOf(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	test := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range test.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}
