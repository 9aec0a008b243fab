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
	need = flag.Bool("need", false, "fail if no browser is installed")
)

// TestMain is also picloud, of which the test runs a cloud.
func TestMain(m *testing.M) { uptest.Main(m) }

// TestAPersonUsesThePage with a real browser, of a cloud of real processes.
func TestAPersonUsesThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser and a cloud of real processes take their time")
	}
	chromium, err := Find()
	switch {
	case err != nil && *need:
		t.Fatal(err)
	case err != nil:
		t.Skip(err)
	}
	c := Config{URL: *at, Chromium: chromium, Folder: t.TempDir(), Suffix: time.Now().UTC().Format("150405"), Patience: time.Minute}
	if c.URL == "" {
		cloud := uptest.New(t)
		cloud.Up()
		c.URL = "http://127.0.0.1:" + cloud.Ports["web"] + "/"
	}
	if *look != "" {
		if err := os.MkdirAll(*look, 0o755); err != nil {
			t.Fatal(err)
		}
		c.Look = func(name string, png []byte) error {
			return os.WriteFile(filepath.Join(*look, name+".png"), png, 0o644)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := Walk(ctx, c); err != nil {
		t.Fatal(err)
	}
}
