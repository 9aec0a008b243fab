package mutants

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"picloud/node/mutant"
	"picloud/reports"
)

// TestEveryMutantIsListedAndAskedFor reads the sources: a mutant that nobody asks for, or that is
// not in the list, would look like one that was found.
func TestEveryMutantIsListedAndAskedFor(t *testing.T) {
	var listed []mutant.Name
	for _, m := range All() {
		listed = append(listed, m.Name)
	}
	if !slices.IsSorted(listed) {
		t.Errorf("the list is not in the order of names: %s", listed)
	}
	constant := regexp.MustCompile(`(?m)^const Planted = (\w+)$`)
	asked := sources(t, "../../node", "../firstcloud")
	files, err := filepath.Glob("../../node/mutant/*.go")
	if err != nil {
		t.Fatal(err)
	}
	planted := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		match := constant.FindSubmatch(text)
		if match == nil || string(match[1]) == "None" {
			continue
		}
		planted++
		use := regexp.MustCompile(`mutant\.Planted [!=]= mutant\.` + string(match[1]) + `\b`)
		if n := len(use.FindAll(asked, -1)); n != 1 {
			t.Errorf("%s is asked for at %d places, want one", match[1], n)
		}
	}
	if planted != len(listed) {
		t.Errorf("%d mutants have a file, %d are listed", planted, len(listed))
	}
	if mutant.Planted != mutant.None {
		t.Errorf("this build has the mutant %s", mutant.Planted)
	}
}

func sources(t *testing.T, folders ...string) []byte {
	t.Helper()
	var all []byte
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || filepath.Base(path) == "mutant.go" && filepath.Base(filepath.Dir(path)) == "mutant" {
				return err
			}
			text, err := os.ReadFile(path)
			all = append(all, text...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestTheLeastSeedThatFailsIsTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.Uint64Range(1, 30).Draw(t, "most")
		bad := rapid.SliceOfDistinct(rapid.Uint64Range(1, 40), rapid.ID).Draw(t, "bad")
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		found, err := Hunt(context.Background(), most, workers, func(ctx context.Context, _ int, seed uint64) (*reports.Result, error) {
			r := &reports.Result{Seed: seed, Verdict: reports.Pass}
			if slices.Contains(bad, seed) {
				r.Verdict = reports.Fail
			}
			return r, ctx.Err()
		})
		want := uint64(0)
		for _, seed := range bad {
			if seed <= most && (want == 0 || seed < want) {
				want = seed
			}
		}
		switch {
		case err != nil:
			t.Fatal(err)
		case found == nil && want != 0, found != nil && found.Seed != want:
			t.Fatalf("found %v, want seed %d", found, want)
		}
	})
}

func TestAHuntEndsWhenARunCannotBeMade(t *testing.T) {
	broken := errors.New("broken")
	var played atomic.Int64
	_, err := Hunt(context.Background(), 1000, 2, func(context.Context, int, uint64) (*reports.Result, error) {
		played.Add(1)
		return nil, broken
	})
	if !errors.Is(err, broken) || played.Load() > 2 {
		t.Errorf("%d runs, %v", played.Load(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Hunt(ctx, 10, 2, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted hunt: %v", err)
	}
}
