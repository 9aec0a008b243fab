package scenarios

import (
	"strings"
	"testing"
)

// FuzzScenario: whatever stands in a file, it is refused in one sentence that names the file, or it is a scenario
// that makes a schedule.
func FuzzScenario(f *testing.F) {
	for _, name := range Names() {
		text, err := files.ReadFile(name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("name: &a [*a, *a]\n")
	f.Add("store: {groups: [[]]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("file", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "file:") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%q was taken, and is not valid: %v", text, err)
		}
	})
}
