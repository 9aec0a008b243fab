package command

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios/mutants"
	"picloud/scenarios/shrink"
)

// failing is a program whose runs fail a check: seeds 1 and 2 that processes end, seeds from 3 on what the mutant is about.
const failing = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in -out) out=$2 ;; -seed) seed=$2 ;; esac
  shift
done
check=served
[ "$seed" -lt 3 ] && check=no-unexpected-death
mkdir -p "$out"
echo '[]' > "$out/timeline.json"
echo '{"scenario":"slow-server","seed":'$seed',"verdict":"fail","trace_hash":"","simulated_seconds":1,"healed_at":1,"operations":{"ok":0,"failed":0,"unknown":0},
"checks":[{"name":"'$check'","status":"fail","count":1}],"faults":[]}' > "$out/result.json"
exit 1
`

func script(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func listed(t *testing.T, name mutant.Name) mutants.Mutant {
	t.Helper()
	all := mutants.All()
	i := slices.IndexFunc(all, func(m mutants.Mutant) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("%s is not listed", name)
	}
	return all[i]
}

// TestAMutantIsFoundByWhatItBreaksOnly, in each of some hunts, and all seeds that found it are looked at without it.
func TestAMutantIsFoundByWhatItBreaksOnly(t *testing.T) {
	m := listed(t, mutant.UnjudgedServers)
	h := &mutantHunt{out: t.TempDir(), most: 10, effort: effort{hunts: 3}, workers: 1, needed: map[string][]uint64{m.Scenario: {4}}}
	found, s, err := h.find(t.Context(), &m, script(t, "failing", failing))
	if err != nil || found == nil || found.Seed != 3 || s.each() != "3, 1, 1" {
		t.Errorf("found %+v (%v), want seed 3; the hunts took %s", found, err, s.each())
	}
	if want := map[string][]uint64{m.Scenario: {4, 3, 5}}; !maps.EqualFunc(h.needed, want, slices.Equal) {
		t.Errorf("%v are looked at without it, want %v", h.needed, want)
	}
}

// TestARunIsCutDownByWhatShowsTheMutant although another check fails before it.
func TestARunIsCutDownByWhatShowsTheMutant(t *testing.T) {
	m := listed(t, mutant.UnjudgedServers)
	r, err := showing(m.Breaks, func(context.Context, int, shrink.Run) (*reports.Result, error) {
		return &reports.Result{Checks: []reports.Check{{Name: "live", Status: reports.Fail}, {Name: "served", Status: reports.Fail}}}, nil
	})(t.Context(), 0, shrink.Run{})
	if err != nil || r.Broken() != "served" {
		t.Errorf("it is cut down by %q (%v)", r.Broken(), err)
	}
}

// TestAMutantIsFoundByItsTestsOnly has the go command say that some tests fail.
func TestAMutantIsFoundByItsTestsOnly(t *testing.T) {
	m := listed(t, mutant.NoHysteresis)
	for says, want := range map[string]bool{
		"--- FAIL: TestEffectsAddUp (0.00s)\nFAIL":                                       false,
		"--- FAIL: TestEffectsAddUp (0.00s)\n--- FAIL: TestRulesNeverFlap (0.00s)\nFAIL": true,
	} {
		t.Setenv("PATH", filepath.Dir(script(t, "go", "#!/bin/sh\necho '"+says+"'\nexit 1\n"))+":"+os.Getenv("PATH"))
		if found, err := (&mutantHunt{root: t.TempDir()}).byTests(t.Context(), &m); err != nil || found != want {
			t.Errorf("%s: found %t (%v), want %t", says, found, err, want)
		}
	}
}
