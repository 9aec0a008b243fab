package mutants

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"picloud/node/mutant"
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
	asked := sources(t, "../../node", "../../hw", "../firstcloud")
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
