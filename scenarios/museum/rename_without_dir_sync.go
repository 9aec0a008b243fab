package museum

import "github.com/cockroachdb/pebble/v2/vfs"

// renameWithoutDirSync takes a rename for durable because it is atomic. It is in the page cache
// only, until the directory is synced: after a power cut the old file has its name again, and all
// that was written and synced to the new one since has none.
//
// Revealed by: power-cut. Literature: Pillai and others, "All File Systems Are Not Created Equal"
// (OSDI 2014), which found it in LevelDB, Git and others.
func renameWithoutDirSync(fs vfs.FS, from, to string) error {
	if err := fs.Rename(from, to); err != nil {
		return err
	}
	return nil
}
