package state

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/mutant"
	"picloud/node/sealed"
)

// A copy of a state is a stream:
//
//	copyHead
//	rows in their order: length of the key (varint), key without the group's prefix, length of the
//	value with its checksum (varint), value with its checksum
//	0 in place of a length, number of rows (8 bytes), hash of everything before (8)
//
// Its rows are all tables but tableSnapshot, which belongs to the node.
const copyHead = "picloud state 1\n"

// tableSnapshot holds what raft knows of the last snapshot. It sorts before the other tables.
const tableSnapshot = 'a'

// maxRowBytes bounds a row of a copy: a value and a key at their limits, and what stands around them.
const maxRowBytes = 4 << 20

// Copy is the state at one instant, to be read as a stream.
type Copy struct {
	state *State
	at    instant
	// Index is that of the last entry in it.
	Index uint64
	// Size is the length of the stream.
	Size int64
}

// Copy takes the state as it is now. It stays readable until it is closed, however the state goes on, or until a copy takes the state's place.
func (s *State) Copy() (*Copy, error) {
	c := &Copy{state: s, at: s.instant()}
	m, err := s.readMarker(c.at)
	if err == nil {
		c.Index = m.Index
		c.Size, err = c.WriteTo(io.Discard)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("state: group %d: copy: %w", s.group, err)
	}
	return c, nil
}

// Close lets the copy go.
func (c *Copy) Close() error { return c.at.Close() }

// WriteTo writes the stream. It never writes a row that does not match its checksum, nor the end of a stream that is not the state at that instant.
func (c *Copy) WriteTo(to io.Writer) (int64, error) {
	w := &summed{w: bufio.NewWriterSize(to, 64<<10), sum: xxhash.New()}
	w.write([]byte(copyHead))
	rows := uint64(0)
	v := &view{state: c.state, from: c.at}
	err := v.rows(c.state.key(tableSnapshot+1), c.state.key(tableEnd), false, func(key, value []byte) (bool, error) {
		rows++
		w.chunk(key[prefixBytes:])
		w.chunk(sealed.Seal(key[prefixBytes:], value)) // of the key as it is in every group
		return w.err == nil, w.err
	})
	if err == nil && c.at.gone() {
		err = errReplaced
	}
	if err != nil {
		return w.n, err
	}
	w.write([]byte{0})
	w.write(big(rows))
	w.write(big(w.sum.Sum64()))
	return w.n, errors.Join(w.err, w.w.Flush())
}

// summed counts and sums what is written, and remembers an error.
type summed struct {
	w   *bufio.Writer
	sum hash.Hash64
	n   int64
	err error
}

func (s *summed) write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
		s.sum.Write(b)
		s.n += int64(len(b))
	}
}

func (s *summed) chunk(b []byte) {
	s.write(binary.AppendUvarint(nil, uint64(len(b))))
	s.write(b)
}

// errCopy says that a stream is not a copy of a state.
var errCopy = errors.New("not a whole copy of a state")

// Replace puts a copy in place of the state, in one step, together with what raft knows of it. Nothing is
// changed until the whole copy has been read and found to be right. It writes files into a folder of
// the disk that it may use alone.
func (s *State) Replace(from io.Reader, fs vfs.FS, dir string, snapshot []byte) error {
	if err := s.replace(from, fs, dir, snapshot); err != nil {
		return fmt.Errorf("state: group %d: replace by a copy: %w", s.group, err)
	}
	return nil
}

func (s *State) replace(from io.Reader, fs vfs.FS, dir string, snapshot []byte) error {
	if err := errors.Join(fs.RemoveAll(dir), fs.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	t := &tables{fs: fs, dir: dir, format: s.db.TableFormat()}
	m, err := s.read(from, t, snapshot)
	if err = errors.Join(err, t.close()); err != nil {
		return errors.Join(err, fs.RemoveAll(dir))
	}
	span := pebble.KeyRange{Start: s.key(tableSnapshot), End: s.key(tableEnd)}
	if err := s.exchange(t.paths, span); err != nil {
		return err
	}
	if mutant.Planted == mutant.ForgottenReplies {
		s.db.DeleteRange(s.key(tableReplies), s.key(tableReplies+1), nil)
	}
	own, err := s.readOwned(s.db)
	if err != nil {
		return err
	}
	s.advance(m, own)
	return fs.RemoveAll(dir)
}

// exchange takes tables in place of a range. Who reads the range sees what was there or what is there now.
func (s *State) exchange(paths []string, span pebble.KeyRange) error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	s.replaced++
	_, err := s.db.IngestAndExcise(context.Background(), paths, nil, nil, span)
	return err
}

// read reads a copy into tables and returns its marker.
func (s *State) read(from io.Reader, t *tables, snapshot []byte) (m marker, err error) {
	r := &copyReader{r: bufio.NewReaderSize(from, 64<<10), sum: xxhash.New()}
	if head := r.take(len(copyHead)); string(head) != copyHead {
		return m, fmt.Errorf("it begins with %.20q: %w", head, errCopy)
	}
	if snapshot != nil {
		key := s.key(tableSnapshot)
		if err := t.set(key, sealed.Seal(key, snapshot)); err != nil {
			return m, err
		}
	}
	var last, markerRow []byte
	rows, digest, records := uint64(0), uint64(0), uint64(0)
	for {
		key := r.chunk()
		if len(key) == 0 {
			break
		}
		value, good := sealed.Open(key, r.chunk())
		if r.err != nil || !good || bytes.Compare(key, last) <= 0 || key[0] <= tableSnapshot || key[0] >= tableEnd {
			return m, fmt.Errorf("row %d: %w", rows, errors.Join(r.err, errCopy))
		}
		rows++
		last = key
		own := append(bytes.Clone(s.prefix), key...)
		if counted(key[0]) {
			digest += rowHash(own, value)
		}
		switch key[0] {
		case tableRecords:
			records++
		case tableMarker:
			markerRow = value
		}
		if err := t.set(own, sealed.Seal(own, value)); err != nil {
			return m, err
		}
	}
	counted := r.number()
	sum := r.sum.Sum64()
	if r.number() != sum || counted != rows || r.err != nil {
		return m, fmt.Errorf("after %d rows: %w", rows, errors.Join(r.err, errCopy))
	}
	if m.decode(markerRow) != nil || m.Digest != digest || m.Records != records {
		return m, fmt.Errorf("its rows are not those that its marker counts: %w", errCopy)
	}
	return m, nil
}

// copyReader reads a stream, sums what it read, and remembers an error.
type copyReader struct {
	r   *bufio.Reader
	sum hash.Hash64
	err error
}

func (r *copyReader) take(n int) []byte {
	b := make([]byte, n)
	if r.err == nil {
		_, r.err = io.ReadFull(r.r, b)
		r.sum.Write(b)
	}
	if r.err != nil {
		return nil
	}
	return b
}

// ReadByte is for binary.ReadUvarint.
func (r *copyReader) ReadByte() (byte, error) {
	if b := r.take(1); b != nil {
		return b[0], nil
	}
	return 0, r.err
}

func (r *copyReader) chunk() []byte {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > maxRowBytes {
		r.err = errors.Join(r.err, err, errCopy)
		return nil
	}
	return r.take(int(n))
}

func (r *copyReader) number() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// tables are sorted files that the database takes as they are.
type tables struct {
	fs     vfs.FS
	dir    string
	format sstable.TableFormat
	paths  []string
	writer *sstable.Writer
	bytes  int
}

// tableBytes is about how much goes into one file.
const tableBytes = 16 << 20

func (t *tables) set(key, value []byte) error {
	if t.writer == nil || t.bytes > tableBytes {
		if err := t.close(); err != nil {
			return err
		}
		path := t.fs.PathJoin(t.dir, fmt.Sprintf("%06d.sst", len(t.paths)))
		f, err := t.fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		t.paths, t.bytes = append(t.paths, path), 0
		t.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(f), sstable.WriterOptions{TableFormat: t.format})
	}
	t.bytes += len(key) + len(value)
	return t.writer.Set(key, value)
}

func (t *tables) close() error {
	if t.writer == nil {
		return nil
	}
	w := t.writer
	t.writer = nil
	return w.Close() // which syncs the file
}
