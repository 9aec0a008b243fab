package emulated

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"picloud/node/wait"
)

var boot = flag.Bool("boot", false, "boot Pis in QEMU; make test-pi and make test-pi-mesh say what that needs")

// patience bounds whatever a guest is waited for. It is long as nothing is to fail because the machine is slow.
const patience = 10 * time.Minute

// parts returns the kernel and the first file system of guests.
func parts(t *testing.T) Config {
	t.Helper()
	if !*boot {
		t.Skip("it boots Pis in QEMU: make test-pi, make test-pi-mesh")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	k, err := FindKernel(t.Context(), filepath.Join(cache, "picloud"), func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s after %s", k.Version, time.Since(began).Round(time.Second))
	folder := t.TempDir()
	initrd, err := Build(t.Context(), k, folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("built after %s", time.Since(began).Round(time.Second))
	return Config{Kernel: k, Initrd: initrd, Folder: folder, HTTP: "8080"}
}

// on switches a Pi on until the test ends.
func on(t *testing.T, c Config) *Pi {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Boot(ctx, c)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the console of %s:\n%s", p.Name, p.Console())
		}
		cancel()
		<-p.ended
	})
	t.Logf("%s serves %s after it was switched on", p.Name, time.Since(began).Round(time.Second))
	return p
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := holds(ctx)
		if err == nil {
			return
		}
		if !wait.For(ctx, time.Second) {
			t.Fatalf("it has not come within %s that %s: %v", patience, what, err)
		}
	}
}
