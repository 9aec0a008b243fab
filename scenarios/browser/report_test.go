package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/reports/answers"
)

// report is a page to read, and what its first screen must say.
type report struct {
	name, path string
	says       []Saying
}

// reportsToRead are the one that was asked for, or those of reports' golden files and of the runs that have an answer key.
func reportsToRead(t *testing.T) []report {
	t.Helper()
	if *page != "" {
		return []report{{name: "page", path: *page}}
	}
	all := []report{{name: "report", path: "../../reports/testdata/report.html"}, {name: "diff", path: "../../reports/testdata/diff.html"}}
	runs, err := answers.Read("../../reports/answers/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for i := range runs {
		r := report{name: runs[i].Name, path: filepath.Join(t.TempDir(), "report.html")}
		if err := os.WriteFile(r.path, []byte(runs[i].Page()), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, a := range runs[i].Key.Answers {
			for _, words := range a.Says {
				r.says = append(r.says, Saying{a.Question, words})
			}
		}
		all = append(all, r)
	}
	return all
}

// TestReportsAreReadable in a real browser, and their first screens have the answers.
func TestReportsAreReadable(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	chromium := find(t)
	for _, r := range reportsToRead(t) {
		t.Run(r.name, func(t *testing.T) {
			path, err := filepath.Abs(r.path)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			if err := Study(ctx, Config{URL: "file://" + path, Chromium: chromium, Patience: time.Minute, Says: r.says, Look: looker(t, r.name+"-")}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBadPagesAreFound: one that is too wide, one that loads something, one whose script fails, and some without an answer where it must be.
func TestBadPagesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	chromium := find(t)
	for name, c := range map[string]struct{ body, want string }{
		"too wide":          {`<main><div style="width: 3000px">x</div></main>`, "wider than the window"},
		"loads":             {`<main><svg><rect/></svg><img src="http://127.0.0.1:1/x.png"></main>`, "the page loads"},
		"says nothing":      {`<main><svg><rect/></svg><dl class="incident"><dt>Why?</dt><dd>nobody knows</dd></dl></main>`, `does not say "the card" under "Why?"`},
		"says it elsewhere": {`<main><svg><rect/></svg><dl class="incident"><dt>Who?</dt><dd>the card</dd><dt>Why?</dt><dd>no</dd></dl></main>`, `does not say "the card" under "Why?"`},
		"says it too late":  {`<main><svg><rect/></svg><div style="height: 900px">x</div><dl class="incident"><dt>Why?</dt><dd>the card</dd></dl></main>`, "it never holds that"},
		"script fails":      {`<main><svg><rect/></svg></main><script>nothing()</script>`, "nothing is not defined"},
	} {
		path := filepath.Join(t.TempDir(), "page.html")
		if err := os.WriteFile(path, []byte("<!doctype html>"+c.body), 0o644); err != nil {
			t.Fatal(err)
		}
		err := Study(t.Context(), Config{URL: "file://" + path, Chromium: chromium, Says: []Saying{{"Why?", "the card"}}, Patience: 3 * time.Second})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
