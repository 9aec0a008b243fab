package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWalkDemo(t *testing.T) {
	url := os.Getenv("WALK_URL")
	if url == "" {
		t.Skip()
	}
	chromium, err := Find()
	if err != nil {
		t.Skip(err)
	}
	c := Config{URL: url, Chromium: chromium, Folder: t.TempDir(), Suffix: fmt.Sprint(time.Now().Unix() % 1000000)}
	if os.Getenv("SHOTS") != "" {
		c.Look = func(name string, png []byte) error {
			return os.WriteFile(filepath.Join("/tmp/shots", name+".png"), png, 0o644)
		}
	}
	if err := Walk(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}
