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

// journal is a file of records that only grows, batch by batch. Each record is a checksum over the rest
// (4 bytes), the length of the payload (4), twice the number of its batch, and one more
// for the last record of the batch (4), and the payload.
//
// Invariants: what add and rewrite have returned from is on the disk, and a record that a crash
// cut short is not taken for one. A journal that failed once is not used again: nobody knows what
// reached the disk.
type journal struct {
	parts *parts
	fs    vfs.FS
	file  vfs.File
	size  int64
	batch uint32 // number of the last one in the file
}

const (
	journalFile = "journal"
	journalNew  = "journal.new"
	headBytes   = 12
	mostBytes   = 1 << 20 // of a payload
)

// errDamaged says that the disk gave back something else than what was written.
var errDamaged = errors.New("damaged record")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pack returns the records of a batch.
func pack(batch uint32, payloads ...[]byte) []byte {
	var all []byte
	for i, p := range payloads {
		at, mark := len(all), batch<<1
		if i == len(payloads)-1 {
			mark |= 1
		}
		all = append(all, 0, 0, 0, 0)
		all = binary.BigEndian.AppendUint32(all, uint32(len(p)))
		all = binary.BigEndian.AppendUint32(all, mark)
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
	var batch uint32
	for tries := 0; ; tries++ {
		data, err := readAll(fs)
		if err != nil {
			return nil, nil, err
		}
		payloads, batch = payloads[:0], 1
		for {
			payload, ok := p.unpack(data)
			if !ok {
				break
			}
			payloads, batch = append(payloads, payload), batchAfter(data)
			data = data[headBytes+len(payload):]
		}
		switch {
		case len(data) == 0:
			return j, payloads, nil
		case tries == 0: // a read may go wrong once
		case j.goesOn(data, batch):
			return nil, nil, errDamaged
		default:
			return j, payloads, nil // a crash tore the last batch
		}
	}
}

// batchAfter returns the batch to which the record after this one belongs.
func batchAfter(record []byte) uint32 {
	mark := binary.BigEndian.Uint32(record[8:])
	return mark>>1 + mark&1
}

// goesOn tells whether there is a record of a later batch somewhere in data. It was added when this
// batch was on the disk: what stands before it was not torn, it was damaged.
func (j *journal) goesOn(data []byte, batch uint32) bool {
	for i := range data {
		if _, ok := j.parts.unpack(data[i:]); ok && binary.BigEndian.Uint32(data[i+8:])>>1 > batch {
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
	j.file, j.size, j.batch = f, 0, 0
	if err := j.add(payloads...); err != nil {
		return err
	}
	return j.parts.replace(j.fs, journalNew, journalFile)
}

// add appends payloads.
func (j *journal) add(payloads ...[]byte) error {
	if len(payloads) == 0 {
		return nil
	}
	j.batch++
	records := pack(j.batch, payloads...)
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
