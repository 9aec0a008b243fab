package overlay

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	update  = flag.Bool("update", false, "rewrite the table of edits in DESIGN.md")
	slow    = flag.Bool("slow", false, "also run what takes minutes or the network")
	without = flag.String("without", "", "leave these edits out, by name, and show what fails; all: each in turn")
)

// TestStories runs every story on a probe built with every edit.
func TestStories(t *testing.T) {
	if *without != "" {
		t.Skip("edits are left out")
	}
	p, err := buildProbe(t.Context(), t.TempDir(), "", "", hunks)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			if err := s.check(p); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEveryEditIsNeeded leaves out one edit after another and expects its story to fail. Each one
// is a build of the standard library, so it runs on demand: -without=all, or -without=NAME,NAME.
func TestEveryEditIsNeeded(t *testing.T) {
	if *without == "" {
		t.Skip("takes a build of the standard library for each edit; -without=all runs it")
	}
	cache := t.TempDir()
	for i, h := range hunks {
		if *without != "all" && !strings.Contains(","+*without+",", ","+h.name+",") {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			s, arch := storyOf(h.name), ""
			if arm64Stories[h.name] != "" {
				needQemu(t)
				s, arch = storyNamed(arm64Stories[h.name]), "arm64"
			}
			if s == nil {
				t.Fatal("no story needs it")
			}
			rest := append(append([]hunk(nil), hunks[:i]...), hunks[i+1:]...)
			p, err := buildProbe(t.Context(), t.TempDir(), arch, cache, rest)
			if err == nil {
				err = on(func() error { return s.check(p) })
			}
			if err == nil {
				t.Fatalf("without it %q holds all the same", s.name)
			}
			t.Logf("without it %q fails:\n%.600v", s.name, err)
		})
	}
}

// storyNamed returns the story of that name, or nil.
func storyNamed(name string) *story {
	for i, s := range stories {
		if s.name == name {
			return &stories[i]
		}
	}
	return nil
}

// storyOf returns the story that needs an edit, or nil.
func storyOf(hunk string) *story {
	for i, s := range stories {
		for _, name := range strings.Fields(s.hunks) {
			if name == hunk {
				return &stories[i]
			}
		}
	}
	return nil
}

// TestTheTableOfEdits keeps the table in DESIGN.md equal to the list of edits.
func TestTheTableOfEdits(t *testing.T) {
	var b strings.Builder
	b.WriteString("| edit | file below GOROOT/src | what it cures | story that fails without it |\n|---|---|---|---|\n")
	known := map[string]bool{}
	for _, h := range hunks {
		if known[h.name] {
			t.Errorf("two edits are called %s", h.name)
		}
		known[h.name] = true
		s := arm64Stories[h.name] + " (arm64)"
		if found := storyOf(h.name); found != nil {
			s = found.name
		}
		if s == " (arm64)" {
			t.Errorf("no story needs the edit %s", h.name)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", h.name, h.file, h.cures, s)
	}
	for _, s := range stories {
		for _, name := range strings.Fields(s.hunks) {
			if !known[name] {
				t.Errorf("the story %q speaks of an edit %s that there is not", s.name, name)
			}
		}
	}
	const path, begin, end = "../../../DESIGN.md", "<!-- edits -->\n", "<!-- end of edits -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), begin)
	table, tail, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no marks for the table", path)
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+b.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table != b.String() {
		t.Error("the table in DESIGN.md is not that of the edits: run this test with -update")
	}
}

// TestAnchors edits a small copy of a toolchain.
func TestAnchors(t *testing.T) {
	list := []hunk{{name: "first", file: "runtime/a.go", old: "anchor", new: "edited"}}
	tests := []struct{ text, want string }{
		{"the anchor stands once", ""},
		{"nothing here", `overlay: runtime/a.go: the anchor of the edit "first" stands 0 times instead of once: "anchor"`},
		{"anchor and anchor", `overlay: runtime/a.go: the anchor of the edit "first" stands 2 times instead of once: "anchor"`},
	}
	for _, test := range tests {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "src/runtime"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "src/runtime/a.go"), []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		files, err := edit(root, "amd64", "picloud/sim/detrt", list)
		if test.want == "" {
			if err != nil || files["runtime/a.go"] != "the edited stands once" {
				t.Errorf("%q became %q: %v", test.text, files["runtime/a.go"], err)
			}
		} else if err == nil || err.Error() != test.want {
			t.Errorf("%q: %v", test.text, err)
		}
	}
	if _, err := edit(t.TempDir(), "amd64", "x", list); err == nil || !strings.Contains(err.Error(), "lacks a file to edit") {
		t.Errorf("without the file: %v", err)
	}
	if _, err := edit(t.TempDir(), "mips", "x", nil); err == nil || !strings.Contains(err.Error(), `architecture "mips"`) {
		t.Errorf("without a list of system calls: %v", err)
	}
}
