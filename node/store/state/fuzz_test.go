package state

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/codec"
)

// FuzzRows: each row that is read is written again as it was.
func FuzzRows(f *testing.F) {
	rows := []func([]byte) ([]byte, error){
		func(b []byte) ([]byte, error) {
			r, err := decodeRow("k", b)
			return r.encode(), err
		},
		func(b []byte) ([]byte, error) {
			x, err := decodeSession(b)
			return x.encode(), err
		},
		func(b []byte) ([]byte, error) {
			var m marker
			err := m.decode(b)
			return m.encode(), err
		},
		func(b []byte) ([]byte, error) {
			r := codec.NewReader(b)
			var w codec.Writer
			writeSlots(&w, readSlots(r))
			return w, r.Done()
		},
	}
	slots := codec.Writer{}
	writeSlots(&slots, []api.SlotRange{{From: 1, End: 300}})
	for i, data := range [][]byte{
		(&row{Record: api.Record{Created: 1, Modified: 2, Version: 2, TTL: 4, Value: []byte("v")}, Deadline: 7}).encode(),
		(&session{Used: 300, Answered: 2}).encode(), (&marker{Index: 9, Term: 1, Digest: 1 << 60}).encode(), slots,
	} {
		f.Add(byte(i), data)
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		again, err := rows[int(which)%len(rows)](data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("%x was read as what is %x", data, again)
		}
	})
}

// FuzzCopy draws a stream, with the right sum behind it or without: a copy that is taken is the state that it then
// gives itself, and one that is not leaves the state as it was.
func FuzzCopy(f *testing.F) {
	db := openPebble(f, vfs.NewMem())
	s, err := Open(db, 1)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.Apply([]Entry{{Index: 1, Term: 1, Data: []byte{commandVersion, 1}}}); err != nil {
		f.Fatal(err)
	}
	c, err := s.Copy()
	if err != nil {
		f.Fatal(err)
	}
	var whole bytes.Buffer
	if _, err := c.WriteTo(&whole); err != nil {
		f.Fatal(err)
	}
	if err := c.Close(); err != nil {
		f.Fatal(err)
	}
	if err := db.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes(), false)
	f.Add(whole.Bytes()[:whole.Len()-8], true)
	f.Add([]byte(copyHead+"\xff\xff\xff\xff\x7f"), false)
	f.Fuzz(func(t *testing.T, data []byte, sum bool) {
		if sum {
			data = binary.BigEndian.AppendUint64(bytes.Clone(data), xxhash.Sum64(data))
		}
		fs := vfs.NewMem()
		db := openPebble(t, fs)
		defer db.Close()
		s, err := Open(db, 2)
		if err != nil {
			t.Fatal(err)
		}
		before, _ := s.Applied()
		if err := s.Replace(bytes.NewReader(data), fs, "incoming", []byte("snapshot")); err != nil {
			if after, _ := s.Applied(); after != before {
				t.Errorf("%x was refused (%v), and the state is at %d", data, err, after)
			}
			return
		}
		if again := copyOf(t, s); !bytes.Equal(again, data[:min(len(again), len(data))]) {
			t.Errorf("%x was taken, and is %x", data, again)
		}
	})
}
