package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReportsAreReadable in a real browser: those that stand in reports' golden files, or the one of a run.
func TestReportsAreReadable(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	chromium := find(t)
	pages := []string{"../../reports/testdata/report.html", "../../reports/testdata/diff.html"}
	if *page != "" {
		pages = []string{*page}
	}
	for _, path := range pages {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".html")
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			if err := Study(ctx, Config{URL: "file://" + path, Chromium: chromium, Patience: time.Minute, Look: looker(t, name+"-")}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBadPagesAreFound: one that is too wide, one that loads something, one whose script fails.
func TestBadPagesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	chromium := find(t)
	for name, c := range map[string]struct{ body, want string }{
		"too wide":     {`<main><div style="width: 3000px">x</div></main>`, "wider than the window"},
		"loads":        {`<main><svg><rect/></svg><img src="http://127.0.0.1:1/x.png"></main>`, "the page loads"},
		"script fails": {`<main><svg><rect/></svg></main><script>nothing()</script>`, "nothing is not defined"},
	} {
		path := filepath.Join(t.TempDir(), "page.html")
		if err := os.WriteFile(path, []byte("<!doctype html>"+c.body), 0o644); err != nil {
			t.Fatal(err)
		}
		err := Study(t.Context(), Config{URL: "file://" + path, Chromium: chromium, Patience: 3 * time.Second})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
