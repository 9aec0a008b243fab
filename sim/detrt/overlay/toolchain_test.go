package overlay

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWithoutTheOverlayNothingLinks builds a program with the tag but not the overlay.
func TestWithoutTheOverlayNothingLinks(t *testing.T) {
	cmd := exec.Command("go", "build", "-tags", Tag, "-o", filepath.Join(t.TempDir(), "probe"), "./testdata/probe")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "relocation target picloud/sim/detrt.charge not defined") {
		t.Errorf("the build ended with %v:\n%s", err, out)
	}
}

// TestAnotherToolchainIsRefused puts a go command of another version on the path.
func TestAnotherToolchainIsRefused(t *testing.T) {
	tests := []struct{ version, os, want string }{
		{"go1.25.1", "linux", "overlay: wrong toolchain: have go1.25.1, need " + Version},
		{Version, "darwin", "overlay: simulated machines are Linux processes; this is darwin"},
	}
	for _, test := range tests {
		bin := t.TempDir()
		script := "#!/bin/sh\nprintf '" + test.version + "\\n/nowhere\\n/cache\\n" + test.os + "\\namd64\\n'\n"
		if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin)
		if _, err := Prepare(t.Context(), t.TempDir(), false); err == nil || err.Error() != test.want {
			t.Errorf("%s on %s: %v", test.version, test.os, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Prepare(t.Context(), t.TempDir(), false); err == nil ||
		!strings.HasPrefix(err.Error(), "overlay: cannot reach the toolchain "+Version+" that go.mod pins: ") {
		t.Errorf("without a go command: %v", err)
	}
}

// TestADownloadedToolchain builds with a toolchain in a module cache, where the go command puts
// what it downloads and where it lets no overlay in.
func TestADownloadedToolchain(t *testing.T) {
	if !*slow {
		t.Skip("downloads a toolchain; -slow runs it")
	}
	cache := t.TempDir()
	t.Setenv("GOMODCACHE", cache)
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GONOSUMDB", "golang.org/toolchain")
	const module = "golang.org/toolchain@v0.0.1-" + Version + ".linux-amd64"
	download := exec.Command("go", "mod", "download", module)
	download.Dir = t.TempDir() // outside any module
	if out, err := download.CombinedOutput(); err != nil {
		t.Fatalf("go mod download: %v\n%s", err, out)
	}
	root := filepath.Join(cache, module)
	chmod(t, filepath.Join(root, "bin"), filepath.Join(root, "pkg", "tool", "linux_amd64"))
	t.Setenv("PATH", filepath.Join(root, "bin")+":"+os.Getenv("PATH"))
	t.Setenv("GOROOT", "")
	dir := t.TempDir()
	for range 2 { // the second time finds the link in place
		p, err := buildProbe(t.Context(), dir, "", "", hunks)
		if err != nil {
			t.Fatal(err)
		}
		if err := on(func() error { return sleepTakesVirtualTime(p) }); err != nil {
			t.Error(err)
		}
	}
	tools, err := Prepare(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if tools.Root() != filepath.Join(dir, "toolchain-"+Version) {
		t.Errorf("the toolchain is reached at %s", tools.Root())
	}
	if to, err := os.Readlink(tools.Root()); err != nil || to != root {
		t.Errorf("the link leads to %s: %v", to, err)
	}
}

// chmod makes the programs of folders executable, as the go command does for a toolchain that it
// switches to.
func chmod(t *testing.T, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		list, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if err := os.Chmod(filepath.Join(folder, f.Name()), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}
