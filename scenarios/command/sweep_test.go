package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
)

func TestShardsTogetherAreAllSeeds(t *testing.T) {
	for _, count := range []uint64{1, 7, 20, 23} {
		seeds := append([]uint64{90, 7}, hunt.Range(1, count)...)
		for n := 1; n <= len(seeds); n++ {
			var all []uint64
			for i := 1; i <= n; i++ {
				mine, err := part(seeds, fmt.Sprintf("%d/%d", i, n))
				if err != nil {
					t.Fatal(err)
				}
				if most := (len(seeds) + n - 1) / n; len(mine) > most {
					t.Errorf("shard %d of %d has %d of %d seeds", i, n, len(mine), len(seeds))
				}
				all = append(all, mine...)
			}
			if slices.Sort(all); !slices.Equal(all, slices.Sorted(slices.Values(seeds))) {
				t.Errorf("%d shards of %v have %v", n, seeds, all)
			}
		}
	}
}

// TestEachSeedIsPlayedOnce, also one that is pinned and asked for.
func TestEachSeedIsPlayedOnce(t *testing.T) {
	for _, test := range []struct {
		scenario string
		asked    string
		want     []uint64
	}{
		{"store", "1-3", []uint64{10, 1, 2, 3}},
		{"store", "9-12", []uint64{10, 9, 11, 12}},
		{"store", "10", []uint64{10}},
		{"quiet", "1-2", []uint64{1, 2}},
		{"quiet", "7,1-2,7,2-3", []uint64{7, 1, 2, 3}},
	} {
		list, err := seedList(test.asked)
		if err == nil {
			list, err = withPinned(test.scenario, list)
		}
		if err != nil || !slices.Equal(list, test.want) {
			t.Errorf("%s, %s: %v (%v), want %v", test.scenario, test.asked, list, err, test.want)
		}
	}
}

func TestSeedsThatAreNoneAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                     `seeds are numbers from 0 to 18446744073709551615, like 7, 1-100, or 3,7,20-40, not ""`,
		"1-":                   `not "1-"`,
		"1,,2":                 `not "1,,2"`,
		"-5":                   `not "-5"`,
		"1 - 5":                `not "1 - 5"`,
		"18446744073709551616": `from 0 to 18446744073709551615`,
		"3,9-7":                "the seeds 9-7 go down: their first is the smaller one",
		"0-1000000":            "the seeds 0-1000000 are more than a million",
		"0-999998,5-6":         "are more than a million",
	} {
		if _, err := seedList(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if list, err := seedList("18446744073709551614-18446744073709551615"); err != nil || len(list) != 2 {
		t.Errorf("the last two: %v, %v", list, err)
	}
}

// TestASweepThatWasNotPlayedToItsEndIsNoPass, for build servers either.
func TestASweepThatWasNotPlayedToItsEndIsNoPass(t *testing.T) {
	broken := errors.New("a bug of the simulator")
	w := newSweep("quiet", t.TempDir())
	w.list = hunt.Range(1, 5)
	err := w.run(t.Context(), 1, func(_ context.Context, _ int, seed uint64) (*reports.Result, error) {
		if seed == 3 {
			return nil, broken
		}
		return &reports.Result{Seed: seed, Verdict: reports.Pass}, nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("it ends with %v", err)
	}
	for file, want := range map[string]string{reports.SweepFile: `"verdict": "inconclusive"`, reports.JUnitFile: `errors="1"`} {
		text, err := os.ReadFile(filepath.Join(w.folder, file))
		if err != nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), broken.Error()) {
			t.Errorf("%s has no %s, or not why (%v):\n%s", file, want, err, text)
		}
	}
}

// TestASweepThatWasNotPlayedToItsEndSaysSo, also if it fails or is inconclusive for other reasons.
func TestASweepThatWasNotPlayedToItsEndSaysSo(t *testing.T) {
	for _, verdict := range []reports.Status{reports.Fail, reports.Inconclusive} {
		w := newSweep("quiet", t.TempDir())
		w.list = hunt.Range(1, 5)
		w.run(t.Context(), 1, func(_ context.Context, _ int, seed uint64) (*reports.Result, error) {
			if seed == 3 {
				return nil, errors.New("a bug of the simulator")
			}
			return &reports.Result{Seed: seed, Verdict: verdict}, nil
		})
		const why = "it ended before all was played: a bug of the simulator"
		for file, want := range map[string]string{reports.SweepFile: `"verdict": "` + string(verdict) + `"`, reports.JUnitFile: " of 2 runs failed, ", reports.SummaryFile: "2 of 5 runs"} {
			text, err := os.ReadFile(filepath.Join(w.folder, file))
			if err != nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), why) {
				t.Errorf("%s: %s has no %s, or not why (%v):\n%s", verdict, file, want, err, text)
			}
		}
	}
}

// TestAComparisonKeepsTheHistoryOfTheFolder, and only a folder without one takes over that of the other.
func TestAComparisonKeepsTheHistoryOfTheFolder(t *testing.T) {
	history := func(folder string, runs ...int) {
		var text strings.Builder
		for _, n := range runs {
			fmt.Fprintf(&text, `{"scenario":"quiet","runs":%d,"failures":[]}`+"\n", n)
		}
		if err := reports.WriteFile(filepath.Join(folder, reports.HistoryFile), []byte(text.String())); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name         string
		own, another []int // runs of the sweeps that ended there
		want         []int
	}{
		{"another folder alone", nil, []int{7, 8}, []int{7, 8, 2}},
		{"both", []int{3, 4}, []int{7, 8}, []int{3, 4, 2}},
		{"this one alone", []int{3, 4}, nil, []int{3, 4, 2}},
	} {
		w, compare := newSweep("quiet", t.TempDir()), ""
		if test.own != nil {
			history(w.folder, test.own...)
		}
		if test.another != nil {
			compare = t.TempDir()
			history(compare, test.another...)
		}
		if err := w.remember(compare); err != nil {
			t.Fatal(err)
		}
		w.list = hunt.Range(1, 2)
		if err := w.run(t.Context(), 1, func(_ context.Context, _ int, seed uint64) (*reports.Result, error) {
			return &reports.Result{Seed: seed, Verdict: reports.Pass}, nil
		}); err != nil {
			t.Fatal(err)
		}
		all, err := reports.ReadSweeps(w.folder)
		var got []int
		for _, h := range all {
			got = append(got, h.Runs)
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: the history has sweeps of %v runs (%v), want %v", test.name, got, err, test.want)
		}
	}
	other := t.TempDir()
	history(other, 7) // whose sweeps are of another scenario
	for name, where := range map[string]string{"pinboard": other, "quiet": t.TempDir()} {
		if err := newSweep(name, t.TempDir()).remember(where); err == nil || !strings.Contains(err.Error(), "no sweep of "+name+" has ended in "+where) {
			t.Errorf("a comparison of %s with nothing: %v", name, err)
		}
	}
}

// TestTheExamplesPlayAllParts reads the jobs that sweep on several machines.
func TestTheExamplesPlayAllParts(t *testing.T) {
	var job struct {
		Spec struct {
			Completions, Parallelism int
			CompletionMode           string `yaml:"completionMode"`
			Template                 struct {
				Spec struct{ Containers []struct{ Args []string } }
			}
		}
	}
	example(t, "scenarios/example/sweep-job.yaml", &job)
	if s := job.Spec; s.CompletionMode != "Indexed" || !strings.Contains(s.Template.Spec.Containers[0].Args[0], fmt.Sprintf("SHARD=$((JOB_COMPLETION_INDEX + 1))/%d ", s.Completions)) {
		t.Errorf("the pods of %+v do not play all parts", s)
	}
	var workflow struct {
		Jobs struct {
			Sweep struct {
				Strategy struct{ Matrix struct{ Shard []int } }
				Steps    []struct{ Run string }
			}
		}
	}
	example(t, ".github/workflows/sweep.yml", &workflow)
	shards, played := workflow.Jobs.Sweep.Strategy.Matrix.Shard, ""
	for _, step := range workflow.Jobs.Sweep.Steps {
		played += step.Run + "\n"
	}
	for i, shard := range shards {
		if shard != i+1 {
			t.Errorf("the matrix plays the parts %v", shards)
		}
	}
	if !strings.Contains(played, fmt.Sprintf("SHARD=${{ matrix.shard }}/%d ", len(shards))) {
		t.Errorf("%d jobs do not play all parts:\n%s", len(shards), played)
	}
}

func example(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", file))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// TestAKindThatWasNeverFeltFailsTheSweep plays sweeps that pass but for what they feel.
func TestAKindThatWasNeverFeltFailsTheSweep(t *testing.T) {
	s, err := scenarios.Load("lone-store") // requires power-cut and disk-fsync-fail
	if err != nil {
		t.Fatal(err)
	}
	all := func(but ...string) []string {
		return slices.DeleteFunc(s.Kinds(), func(kind string) bool { return slices.Contains(but, kind) })
	}
	for _, test := range []struct {
		name  string
		runs  int
		felt  []string // in every run
		idle  []string // played in every run, and not felt
		fails bool
	}{
		{"few runs that feel what is required", 3, []string{"power-cut", "disk-fsync-fail"}, nil, false},
		{"a required kind finds nothing to do", 3, []string{"power-cut"}, []string{"disk-fsync-fail"}, true},
		{"a kind finds nothing to do now and then", 19, []string{"power-cut", "disk-fsync-fail"}, []string{"disk-full"}, false},
		{"a kind finds nothing to do twenty times", 20, []string{"power-cut", "disk-fsync-fail"}, []string{"disk-full"}, true},
		{"a hundred runs feel all", 100, all(), nil, false},
		{"a hundred runs never play a kind", 100, all("disk-full"), nil, true},
		{"ninety-nine runs never play a kind", 99, all("disk-full"), nil, false},
	} {
		w := newSweep(s.Name, t.TempDir())
		w.list, w.may, w.required = hunt.Range(1, uint64(test.runs)), s.Kinds(), s.Faults.Required
		err := w.run(t.Context(), 1, func(_ context.Context, _ int, seed uint64) (*reports.Result, error) {
			r := &reports.Result{Seed: seed, Verdict: reports.Pass}
			for _, kind := range test.felt {
				r.Faults = append(r.Faults, reports.Fault{Kind: kind, Felt: true})
			}
			for _, kind := range test.idle {
				r.Faults = append(r.Faults, reports.Fault{Kind: kind})
			}
			return r, nil
		})
		if got := errors.Is(err, Fail); got != test.fails {
			t.Errorf("%s: the sweep fails: %v (%v), want %v", test.name, got, err, test.fails)
		}
	}
}

// TestTheCommandThatCutsARunDownTakesItsFolderWhole: make would take a name with a space apart, and what a planted bug did only its build does again.
func TestTheCommandThatCutsARunDownTakesItsFolderWhole(t *testing.T) {
	for _, c := range []struct {
		planted      mutant.Name
		folder, want string
	}{
		{"", "out/sweep-store/3", "make shrink RUN=out/sweep-store/3"},
		{"", "my sweeps/3", "bin/picloud shrink 'my sweeps/3'"},
		{mutant.StaleRead, "out/sweep-store/3", ".cache/mutants/stale-read shrink out/sweep-store/3"},
	} {
		if got := cutDown(c.planted, c.folder); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
