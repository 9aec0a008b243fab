package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"picloud/scenarios"
)

// switched is a program that leaves a run whose check `served` has one verdict with all defences and another one without.
const switched = `#!/bin/sh
verdict=%s
while [ $# -gt 0 ]; do
  case "$1" in -out) out=$2 ;; -seed) seed=$2 ;; -without) verdict=%s ;; esac
  shift
done
mkdir -p "$out"
echo '[]' > "$out/timeline.json"
echo '{"scenario":"hung-pi","seed":'$seed',"verdict":"'$verdict'","trace_hash":"","simulated_seconds":1,"healed_at":1,"operations":{"ok":0,"failed":0,"unknown":0},
"checks":[{"name":"served","status":"'$verdict'","count":1}],"faults":[]}' > "$out/result.json"
[ $verdict = pass ] || exit 1
`

func TestAScenarioShowsItsDefenceOrDoesNot(t *testing.T) {
	s, err := scenarios.Load("hung-pi")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		with, without string
		shown         bool
		says          string
	}{
		{"pass", "fail", true, "seed 1; with it that seed passes"},
		{"pass", "pass", false, "NOT SHOWN within seeds 1 to 2"},
		{"fail", "fail", false, "WITH THE DEFENCE seed 1 does not pass either: fail: served"},
		{"fail", "pass", false, "NOT SHOWN"},
	} {
		program := filepath.Join(t.TempDir(), "switched")
		if err := os.WriteFile(program, fmt.Appendf(nil, switched, test.with, test.without), 0o755); err != nil {
			t.Fatal(err)
		}
		g := &gate{program: program, out: t.TempDir(), workers: 2}
		said, shown, err := g.one(t.Context(), defended{s, "mine.yaml"})
		if err != nil || shown != test.shown || !strings.HasPrefix(said, test.says) {
			t.Errorf("with %s, without %s: %q, %v (%v), want %q", test.with, test.without, said, shown, err, test.says)
		}
	}
	s.Defence.Dear = true
	if said, shown, err := new(gate).one(t.Context(), defended{Scenario: s}); err != nil || shown || !strings.Contains(said, "its runs take long") {
		t.Errorf("one that is dear: %q, %v (%v)", said, shown, err)
	}
}
