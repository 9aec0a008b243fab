package museum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// journal is a file of records that only grows. Each record is a checksum over the rest (4
// bytes), the length of the payload (4) and the payload.
//
// Invariants: what add and rewrite have returned from is on the disk, and a record that a crash
// cut short is not taken for one. A journal that failed once is not used again: nobody knows what
// reached the disk.
type journal struct {
	parts *parts
	fs    vfs.FS
	file  vfs.File
	size  int64
}

const (
	journalFile = "journal"
	journalNew  = "journal.new"
	headBytes   = 8
	mostBytes   = 1 << 20 // of a payload
)

// errDamaged says that the disk gave back something else than what was written.
var errDamaged = errors.New("damaged record")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pack returns the records of some payloads.
func pack(payloads ...[]byte) []byte {
	var all []byte
	for _, p := range payloads {
		at := len(all)
		all = append(all, 0, 0, 0, 0)
		all = binary.BigEndian.AppendUint32(all, uint32(len(p)))
		all = append(all, p...)
		binary.BigEndian.PutUint32(all[at:], crc32.Checksum(all[at+4:], castagnoli))
	}
	return all
}

// unpack returns the payload of the record at the start of data.
func (p *parts) unpack(data []byte) ([]byte, bool) {
	if len(data) < headBytes {
		return nil, false
	}
	n := int(binary.BigEndian.Uint32(data[4:]))
	if n == 0 || n > mostBytes || n > len(data)-headBytes || !p.intact(data[:headBytes+n]) {
		return nil, false
	}
	return data[headBytes : headBytes+n], true
}

// recoverJournal reads the payloads that the last process left. What it has read may never have
// reached the disk, if a sync failed: the caller puts it there with rewrite before using it.
func recoverJournal(p *parts, fs vfs.FS) (*journal, [][]byte, error) {
	j := &journal{parts: p, fs: fs}
	var payloads [][]byte
	for tries := 0; ; tries++ {
		data, err := readAll(fs)
		if err != nil {
			return nil, nil, err
		}
		payloads = payloads[:0]
		for {
			payload, ok := p.unpack(data)
			if !ok {
				break
			}
			payloads = append(payloads, payload)
			data = data[headBytes+len(payload):]
		}
		switch {
		case len(data) == 0:
			return j, payloads, nil
		case tries == 0: // a read may go wrong once
		case j.anyRecord(data):
			return nil, nil, errDamaged
		default:
			return j, payloads, nil // a crash cut the last record short
		}
	}
}

// anyRecord tells whether there is a whole record somewhere in data: what stands before it was
// not cut short, it was damaged.
func (j *journal) anyRecord(data []byte) bool {
	for i := range data {
		if _, ok := j.parts.unpack(data[i:]); ok {
			return true
		}
	}
	return false
}

func readAll(fs vfs.FS) ([]byte, error) {
	f, err := fs.Open(journalFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// rewrite puts a journal of these payloads in place of the old one.
func (j *journal) rewrite(payloads [][]byte) error {
	f, err := j.fs.Create(journalNew, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size = f, 0
	if err := j.add(payloads...); err != nil {
		return err
	}
	return j.parts.replace(j.fs, journalNew, journalFile)
}

// add appends payloads.
func (j *journal) add(payloads ...[]byte) error {
	records := pack(payloads...)
	if len(records) == 0 {
		return nil
	}
	j.size += int64(len(records))
	if err := j.parts.commit(j.file, records); err != nil {
		return fmt.Errorf("museum: journal: %w", err)
	}
	return nil
}

// read returns the payload of n bytes of the record at a place.
func (j *journal) read(at int64, n int) ([]byte, error) {
	record := make([]byte, headBytes+n)
	for range 2 { // a read may go wrong once
		if _, err := j.file.ReadAt(record, at); err != nil {
			return nil, err
		}
		if payload, ok := j.parts.unpack(record); ok && len(payload) == n {
			return payload, nil
		}
	}
	return nil, errDamaged
}
