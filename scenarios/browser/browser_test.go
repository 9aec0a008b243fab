package browser

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"picloud/scenarios/command/uptest"
)

var (
	look = flag.String("look", "", "a folder for pictures of what the browser shows, on a screen and on a phone, by day and by night")
	at   = flag.String("at", "", "the address of a cloud that serves the page, in place of one of this test's own")
	page = flag.String("page", "", "the report of a run to read, in place of the golden ones")
	need = flag.Bool("need", false, "fail if no browser is installed")
)

// TestMain is also picloud, of which the test runs a cloud.
func TestMain(m *testing.M) { uptest.Main(m) }

// TestAPersonUsesThePage with a real browser, of a cloud of real processes.
func TestAPersonUsesThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser and a cloud of real processes take their time")
	}
	c := Config{URL: *at, Chromium: find(t), Folder: t.TempDir(), Suffix: time.Now().UTC().Format("150405"), Patience: time.Minute, Look: looker(t, "")}
	if c.URL == "" {
		cloud := uptest.New(t)
		cloud.Up()
		c.URL = "http://127.0.0.1:" + cloud.Ports["web"] + "/"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := Walk(ctx, c); err != nil {
		t.Fatal(err)
	}
}

// find returns where Chromium is, or ends the test.
func find(t *testing.T) string {
	t.Helper()
	chromium, err := Find()
	switch {
	case err != nil && *need:
		t.Fatal(err)
	case err != nil:
		t.Skip(err)
	}
	return chromium
}

// looker keeps pictures if they are wanted.
func looker(t *testing.T, prefix string) func(name string, png []byte) error {
	t.Helper()
	if *look == "" {
		return nil
	}
	if err := os.MkdirAll(*look, 0o755); err != nil {
		t.Fatal(err)
	}
	return func(name string, png []byte) error {
		return os.WriteFile(filepath.Join(*look, prefix+name+".png"), png, 0o644)
	}
}
