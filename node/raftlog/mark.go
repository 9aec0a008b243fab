package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A write-ahead log cannot tell its own end from damage: Pebble takes a record that does not match
// its checksum, within the last 32 KiB, for the torn end of the log, and forgets what follows in
// silence. So every batch carries a number of its group, and the last number that was synced also stands
// in a file beside the database. That file is written after each sync and not synced itself: after a
// power cut it may be old, so it misses some damage and never cries wolf; what it misses then, wal.go finds
// but for what was synced last.

// mark is that file: for each group two slots, written in turn, so that a torn write leaves one.
type mark struct{ file vfs.File }

const (
	slotBytes  = 12  // number, checksum
	slotOffset = 512 // slots stand in different sectors
)

// slot returns where a group's number n stands.
func slot(group uint32, n uint64) int64 { return (2*int64(group) + int64(n%2)) * slotOffset }

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

// write notes that everything of a group up to number n is synced.
func (m *mark) write(group uint32, n uint64) error {
	var b [slotBytes]byte
	binary.BigEndian.PutUint64(b[:], n)
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
	if _, err := m.file.WriteAt(b[:], slot(group, n)); err != nil {
		return fmt.Errorf("raftlog: note the last synced batch: %w", err)
	}
	return nil
}

// read returns the highest number that was noted for a group, 0 if none can be read.
func (m *mark) read(group uint32) uint64 {
	var highest uint64
	for n := range uint64(2) {
		var b [slotBytes]byte
		if n, _ := m.file.ReadAt(b[:], slot(group, n)); n < slotBytes {
			continue
		}
		if crc32.Checksum(b[:8], castagnoli) == binary.BigEndian.Uint32(b[8:]) {
			highest = max(highest, binary.BigEndian.Uint64(b[:]))
		}
	}
	return highest
}

// groups returns how many groups the file has room for.
func (m *mark) groups() (uint32, error) {
	info, err := m.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("raftlog: look at the mark: %w", err)
	}
	const each = 2 * slotOffset
	return uint32(min((info.Size()+each-1)/each, maxGroups)), nil
}

// numberKey is where each batch of a group leaves its number.
func numberKey(group uint32) []byte { return groupKey(letterNumber, group) }

// number returns the number of a group's last batch in a database.
func number(db *pebble.DB, group uint32) (uint64, error) {
	value, closer, err := db.Get(numberKey(group))
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

// whole says what a database has lost of what the mark notes.
func whole(db *pebble.DB, m *mark) error {
	groups, err := m.groups()
	for group := uint32(0); group < groups && err == nil; group++ {
		var n uint64
		if n, err = number(db, group); err == nil && n < m.read(group) {
			err = fmt.Errorf("raftlog: the log of group %d ends at batch %d and %d were synced: %w", group, n, m.read(group), ErrDamaged)
		}
	}
	return err
}

// look opens an existing database without changing it and tells whether it is whole: a read that
// went wrong once must not cut the log for good.
func look(disk vfs.FS, dir string, options *pebble.Options, m *mark) error {
	if err := checkLogs(disk, dir); err != nil {
		return err
	}
	db, err := openToLookAt(dir, options)
	if err != nil {
		return err
	}
	return errors.Join(whole(db, m), db.Close())
}
