package museum

import "github.com/cockroachdb/pebble/v2/vfs"

// replace puts a file, which is on the disk, in another's place, and returns when its name is on
// the disk too.
func replace(fs vfs.FS, from, to string) error {
	if err := fs.Rename(from, to); err != nil {
		return err
	}
	dir, err := fs.OpenDir(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
