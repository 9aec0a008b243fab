package museum

import "github.com/cockroachdb/pebble/v2/vfs"

// fsyncRetried calls fsync again when it failed. The kernel has dropped the pages that it could not
// write and called them clean, so the second call has nothing to do and succeeds. The records stay
// readable until the page cache forgets them.
//
// Revealed by: disk-fsync-fail, with a power-cut or disk-evict and a restart later. Literature:
// PostgreSQL's "fsyncgate" (2018); Rebello and others, "Can Applications Recover from fsync
// Failures?" (USENIX ATC 2020).
func fsyncRetried(f vfs.File, records []byte) error {
	if _, err := f.Write(records); err != nil {
		return err
	}
	if f.Sync() == nil {
		return nil
	}
	return f.Sync()
}
