package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble writes into each chunk of its write-ahead log up to where the log was synced when the chunk was
// written. A chunk that is not whole was damaged, and not torn by a crash, if some later one says that it
// had been synced. Pebble looks for such a chunk in later blocks of 32 KiB only, which a short log does
// not have, and else takes what is not whole for the torn end. So this looks at every place.
//
// What was synced last, and nothing written after it reached the disk, cannot be told from a torn end
// in this way.
//
// Source of the format: the package comment of pebble/v2/record.
const (
	walBlock     = 32 << 10
	walHead      = 4 + 2 + 1 + 4 + 8 // checksum, size, type, number of the log, synced up to
	walTypeFirst = 9                 // the lowest type of chunks with such a head
	walTypeLast  = 12
)

// checkLogs looks for damage in the write-ahead logs of a database.
func checkLogs(disk vfs.FS, dir string) error {
	names, err := disk.List(dir)
	if err != nil {
		return fmt.Errorf("raftlog: look for write-ahead logs: %w", err)
	}
	for _, name := range names {
		digits, is := strings.CutSuffix(name, ".log")
		number, bad := strconv.ParseUint(digits, 10, 64)
		if !is || bad != nil {
			continue
		}
		if err := checkLog(disk, disk.PathJoin(dir, name), uint32(number)); err != nil {
			return err
		}
	}
	return nil
}

func checkLog(disk vfs.FS, path string, number uint32) error {
	f, err := disk.Open(path)
	if err != nil {
		return fmt.Errorf("raftlog: %w", err)
	}
	data, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("raftlog: read %s: %w", path, err)
	}
	end := walEnd(data, number)
	for at := end + 1; at+walHead <= len(data); at++ {
		if c, whole := chunkAt(data, at, number); whole && c.synced > uint64(end) {
			return fmt.Errorf("raftlog: %s was synced up to %d, and is not whole at %d: %w", path, c.synced, end, ErrDamaged)
		}
	}
	return nil
}

// walEnd returns where the first chunk would be that is not whole.
func walEnd(data []byte, number uint32) int {
	at := 0
	for {
		if left := walBlock - at%walBlock; left < walHead {
			at += left // no chunk fits into the rest of the block
		}
		c, whole := chunkAt(data, at, number)
		if !whole {
			return at
		}
		at += c.length
	}
}

// chunk is what the head of a chunk says.
type chunk struct {
	length int    // with its head
	synced uint64 // up to where the log was synced when the chunk was written
}

// chunkAt reads a chunk of a log.
func chunkAt(data []byte, at int, number uint32) (c chunk, whole bool) {
	if at+walHead > len(data) {
		return c, false
	}
	head := data[at:]
	c.length = walHead + int(binary.LittleEndian.Uint16(head[4:]))
	if head[6] < walTypeFirst || head[6] > walTypeLast || binary.LittleEndian.Uint32(head[7:]) != number ||
		at%walBlock+c.length > walBlock || at+c.length > len(data) {
		return c, false
	}
	c.synced = binary.LittleEndian.Uint64(head[11:])
	sum := crc32.Checksum(head[6:c.length], castagnoli)
	return c, binary.LittleEndian.Uint32(head) == (sum>>15|sum<<17)+0xa282ead8
}
