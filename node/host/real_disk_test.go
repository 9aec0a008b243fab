package host_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host"
	"picloud/node/host/hosttest"
)

func realDisk(t *testing.T) vfs.FS {
	d, err := host.NewRealDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRealDisk(t *testing.T) { hosttest.Disk(t, realDisk) }

func TestRealDiskRefusesLinksThatLeadOut(t *testing.T) {
	inside, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(inside, "way")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	d, err := host.NewRealDisk(inside)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open("way/secret"); err == nil {
		t.Fatal("a file outside the folder was opened")
	}
	if _, err := d.Create("way/new", vfs.WriteCategoryUnspecified); err == nil {
		t.Fatal("a file outside the folder was made")
	}
}
