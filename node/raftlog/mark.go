package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A write-ahead log cannot tell its own end from damage: Pebble takes a record that does not match
// its checksum, within the last 32 KiB, for the torn end of the log, and forgets what follows in
// silence. So every batch carries a number, and the last number that was synced also stands in a
// file beside the database. That file is written after each sync and not synced itself: after a
// power cut it may be old, so it misses some damage and never cries wolf.

// mark is that file: two slots, written in turn, so that a torn write leaves one.
type mark struct {
	file vfs.File
	slot int64
}

const (
	slotBytes  = 12  // number, checksum
	slotOffset = 512 // slots stand in different sectors
)

func markPath(dir string) string { return dir + ".mark" }

// openMark opens the mark of a database and creates it where it does not exist.
func openMark(disk vfs.FS, dir string) (*mark, error) {
	f, err := disk.OpenReadWrite(markPath(dir), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("raftlog: %w", err)
	}
	folder, err := disk.OpenDir(disk.PathDir(markPath(dir)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("raftlog: %w", err), f.Close())
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("raftlog: sync the name of the mark: %w", err), f.Close())
	}
	return &mark{file: f}, nil
}

// write notes that everything up to number n is synced.
func (m *mark) write(n uint64) error {
	var b [slotBytes]byte
	binary.BigEndian.PutUint64(b[:], n)
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
	m.slot = slotOffset - m.slot
	if _, err := m.file.WriteAt(b[:], m.slot); err != nil {
		return fmt.Errorf("raftlog: note the last synced batch: %w", err)
	}
	return nil
}

// read returns the highest number that was noted, 0 if none can be read.
func (m *mark) read() uint64 {
	var highest uint64
	for _, at := range []int64{0, slotOffset} {
		var b [slotBytes]byte
		if n, _ := m.file.ReadAt(b[:], at); n < slotBytes {
			continue
		}
		if crc32.Checksum(b[:8], castagnoli) == binary.BigEndian.Uint32(b[8:]) {
			highest = max(highest, binary.BigEndian.Uint64(b[:]))
		}
	}
	return highest
}

// numberKey is where each batch leaves its number.
func numberKey() []byte { return []byte{'n'} }

// number returns the number of the last batch in a database.
func number(db *pebble.DB) (uint64, error) {
	value, closer, err := db.Get(numberKey())
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("raftlog: read the number of the last batch: %w", err)
	}
	defer closer.Close()
	if len(value) != 8 {
		return 0, fmt.Errorf("raftlog: read the number of the last batch: %w", ErrDamaged)
	}
	return binary.BigEndian.Uint64(value), nil
}

// whole tells whether a database has everything up to its mark.
func whole(db *pebble.DB, m *mark) (uint64, error) {
	n, err := number(db)
	if err != nil {
		return 0, err
	}
	if noted := m.read(); n < noted {
		return 0, fmt.Errorf("raftlog: the log ends at batch %d and %d were synced: %w", n, noted, ErrDamaged)
	}
	return n, nil
}

// look opens an existing database without changing it and tells whether it is whole: a read that
// went wrong once must not cut the log for good.
func look(disk vfs.FS, dir string, options *pebble.Options, m *mark) error {
	if _, err := disk.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if desc, err := pebble.Peek(dir, disk); err != nil || !desc.Exists {
		return err
	}
	readOnly := *options
	readOnly.ReadOnly = true
	db, err := pebble.Open(dir, &readOnly)
	if err != nil {
		return fmt.Errorf("raftlog: look into %s: %w", dir, err)
	}
	_, err = whole(db, m)
	return errors.Join(err, db.Close())
}
