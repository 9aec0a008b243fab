package hosttest

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Rot flips a bit near the beginning of each table of a database, of which there must be one.
func Rot(t testing.TB, disk vfs.FS, folder string) {
	t.Helper()
	names, err := disk.List(folder)
	if err != nil {
		t.Fatal(err)
	}
	rotten := 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		f, err := disk.OpenReadWrite(disk.PathJoin(folder, name), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		_, read := f.ReadAt(b[:], 100)
		b[0] ^= 0x10
		_, written := f.WriteAt(b[:], 100)
		if err := errors.Join(read, written, f.Close()); err != nil {
			t.Fatal(err)
		}
		rotten++
	}
	if rotten == 0 {
		t.Fatalf("no table lies in %s", folder)
	}
}
