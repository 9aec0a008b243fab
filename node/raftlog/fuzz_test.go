package raftlog

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// FuzzEntry puts the right checksum before what is drawn: an entry that is read is written again, and is then the
// same entry.
func FuzzEntry(f *testing.F) {
	f.Add(encode(&raft.Log{Index: 7, Term: 2, Type: raft.LogCommand, Data: []byte("data"), Extensions: []byte("x"), AppendedAt: time.Unix(9, 9)})[4:])
	f.Add(encode(&raft.Log{})[4:])
	f.Fuzz(func(t *testing.T, rest []byte) {
		data := append(binary.BigEndian.AppendUint32(nil, crc32.Checksum(rest, castagnoli)), rest...)
		var log, again raft.Log
		if decode(rest, &log) == nil && len(rest) < headBytes {
			t.Fatal("it is too short")
		}
		if decode(data, &log) != nil {
			return
		}
		if written := encode(&log); !bytes.Equal(written, data) {
			t.Errorf("%x was read as %+v, which is %x", data, log, written)
		} else if err := decode(written, &again); err != nil || !reflect.DeepEqual(log, again) {
			t.Errorf("%+v came back as %+v: %v", log, again, err)
		}
	})
}

// FuzzMark: whatever stands in the file of the mark, reading it gives a number that was written with its checksum,
// and writing the next one is read back.
func FuzzMark(f *testing.F) {
	f.Add([]byte{}, uint32(0), uint64(1))
	f.Add(bytes.Repeat([]byte{0xff}, 2*slotOffset), uint32(0), uint64(8))
	f.Fuzz(func(t *testing.T, data []byte, group uint32, n uint64) {
		group %= maxGroups
		disk := vfs.NewMem()
		m, err := openMark(disk, "db")
		if err != nil {
			t.Fatal(err)
		}
		defer m.file.Close()
		if _, err := m.file.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
		before := m.read(group)
		if n <= before {
			return
		}
		if err := m.write(group, n); err != nil {
			t.Fatal(err)
		}
		if got := m.read(group); got != n {
			t.Errorf("%d was written over %d and %d read", n, before, got)
		}
	})
}

// FuzzWriteAheadLog: the end of a log lies in it, and what is cut off behind it changes nothing before it.
func FuzzWriteAheadLog(f *testing.F) {
	chunk := make([]byte, walHead+3)
	binary.LittleEndian.PutUint16(chunk[4:], 3)
	chunk[6] = walTypeFirst
	binary.LittleEndian.PutUint32(chunk[7:], 5)
	sum := crc32.Checksum(chunk[6:], castagnoli)
	binary.LittleEndian.PutUint32(chunk, (sum>>15|sum<<17)+0xa282ead8)
	f.Add(bytes.Repeat(chunk, 3), uint32(5))
	f.Add(append(bytes.Repeat(chunk, 2), chunk[1:]...), uint32(5))
	f.Fuzz(func(t *testing.T, data []byte, number uint32) {
		end := walEnd(data, number)
		if end < 0 || end > len(data)+walHead {
			t.Fatalf("the end of %d bytes is %d", len(data), end)
		}
		if cut := min(end, len(data)); walEnd(data[:cut], number) != end {
			t.Errorf("it ends at %d, and at %d when it is cut there", end, walEnd(data[:cut], number))
		}
		disk := vfs.NewMem()
		file, err := disk.Create("log", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(data); err != nil {
			t.Fatal(err)
		}
		file.Close()
		_ = checkLog(disk, "log", number) // any answer, and no panic
	})
}
