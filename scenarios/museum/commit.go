package museum

import "github.com/cockroachdb/pebble/v2/vfs"

// commit puts records at the end of a file and returns when they are on the disk.
func commit(f vfs.File, records []byte) error {
	if _, err := f.Write(records); err != nil {
		return err
	}
	return f.Sync()
}
