package command

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"picloud/reports"
)

func TestASeedIsPickedOnlyWhereNoneIsGiven(t *testing.T) {
	for _, args := range [][]string{{}, {"-seed", "0"}, {"-seed=7"}, {"-other", "7"}} {
		f := flags("sim", "")
		f.Uint64("seed", 0, "")
		f.Uint64("other", 0, "")
		if err := f.Parse(args); err != nil {
			t.Fatal(err)
		}
		if want := slices.ContainsFunc(args, func(a string) bool { return a == "-seed" || a == "-seed=7" }); given(f, "seed") != want {
			t.Errorf("%q: given %v, want %v", args, !want, want)
		}
	}
	seen := map[uint64]bool{}
	for range 20 {
		seed := randomSeed()
		if seed < 1 || seed > 999_999 {
			t.Errorf("the seed %d is not short", seed)
		}
		seen[seed] = true
	}
	if len(seen) < 2 {
		t.Errorf("all seeds are %v", seen)
	}
}

// TestWhatIsAskedForWrongly is told in one sentence, before anything is played.
func TestWhatIsAskedForWrongly(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"2/thesis.txt", "3/run.json", "3/thesis.txt"} {
		if err := reports.WriteFile(filepath.Join(folder, name), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		command func(context.Context, []string) error
		args    []string
		says    string
	}{
		{Trial, nil, "trial: -scenarios NAMES is missing; picloud trial -h explains"},
		{Trial, []string{"-scenarios", "hung-pi", "-without", ""}, "trial: -without names what is switched off, one of health, proof, verify"},
		{Trial, []string{"-scenarios", "hung-pi", "-within", "-1s"}, "trial: -within is longer than nothing, not -1s"},
		{Chaos, []string{"foo"}, `chaos: say kinds or run, not ["foo"]; picloud chaos -h explains`},
		{Alerts, []string{"-at", "http://127.0.0.1:8080"}, `alerts: ask the monitor: it is at HOST:PORT, not at "http://127.0.0.1:8080"`},
		{Soak, []string{"-minutes", "200000000000"}, "soak: -minutes is 1 to 1000000, not 200000000000"},
		{Soak, []string{"-runs", "0"}, "soak: -runs is 1 to 1000000, not 0"},
		{Museum, []string{"-seeds", "0"}, "museum: -seeds is 1 to 1000000, not 0"},
		{Mutants, []string{"-seeds", "99999999999"}, "mutants: -seeds is 1 to 1000000, not 99999999999"},
		{Bench, []string{"-drive", " "}, `bench: nothing drives " "`},
		{Bench, []string{"-drive", "lb-proxy"}, `bench: nothing drives "lb-proxy"`},
		{Bench, []string{"-drive", "lb-server 80 x"}, `bench: nothing drives "lb-server 80 x"`},
		{Sweep, []string{"-scenario", "short-cloud", "-seeds", "1-3", "-out", folder},
			"sweep: in " + filepath.Join(folder, "2") + " there is something else than a run, such as thesis.txt, and it would be lost: choose another folder"},
	} {
		if err := c.command(t.Context(), c.args); err == nil || err.Error() != c.says {
			t.Errorf("%q: %v\nwant %s", c.args, err, c.says)
		}
	}
}

func TestARunbookHasBlanks(t *testing.T) {
	if got := blanks("{{ $labels.instance }} of {{$labels.kind}} is {{ $value | humanizeDuration }} late."); got != "<instance> of <kind> is <value> late." {
		t.Error(got)
	}
}
