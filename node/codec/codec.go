// Package codec writes and reads the plain encoding of what lies on disks and crosses the wire between
// nodes: numbers as varints, texts and lists with their length before them, structures field by field.
//
// Invariants: a reader takes nothing that the writer would not have written; what it returns belongs to
// the data that it reads; after the first mistake it returns zeros, and Done says so.
package codec

import (
	"encoding/binary"
	"errors"
	"iter"
)

// ErrMalformed says that bytes are not what a writer wrote.
var ErrMalformed = errors.New("malformed data")

// Writer appends to itself.
type Writer []byte

// Number writes a number.
func (w *Writer) Number(n uint64) { *w = binary.AppendUvarint(*w, n) }

// Flag writes a truth value.
func (w *Writer) Flag(b bool) {
	n := uint64(0)
	if b {
		n = 1
	}
	w.Number(n)
}

// Bytes writes bytes with their length.
func (w *Writer) Bytes(b []byte) {
	w.Number(uint64(len(b)))
	*w = append(*w, b...)
}

// Text writes a text with its length.
func (w *Writer) Text(s string) {
	w.Number(uint64(len(s)))
	*w = append(*w, s...)
}

// Reader takes from its front and remembers that something was wrong.
type Reader struct {
	rest []byte
	bad  bool
}

// NewReader returns a reader of data.
func NewReader(data []byte) *Reader { return &Reader{rest: data} }

// Number reads a number.
func (r *Reader) Number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || size > 1 && r.rest[size-1] == 0 { // a longer form than the writer writes
		r.Fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// Flag reads a truth value.
func (r *Reader) Flag() bool {
	n := r.Number()
	if n > 1 {
		r.Fail()
	}
	return n == 1
}

// Bytes reads bytes. An empty text is nil.
func (r *Reader) Bytes() []byte {
	n := r.Number()
	if n > uint64(len(r.rest)) {
		r.Fail()
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	if n == 0 {
		return nil
	}
	return b
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes()) }

// count reads the length of a list, each element of which takes a byte at least.
func (r *Reader) count() int {
	n := r.Number()
	if n > uint64(len(r.rest)) {
		r.Fail()
		return 0
	}
	return int(n)
}

// Each counts through the elements of a list. It ends early where what was read makes no sense: so much memory is taken as what came fills.
func (r *Reader) Each() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, n := 0, r.count(); i < n && !r.bad; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// Rest returns all that has not been read, and reads it.
func (r *Reader) Rest() []byte {
	b := r.rest
	r.rest = nil
	return b
}

// Fail says that what was read makes no sense.
func (r *Reader) Fail() { r.bad, r.rest = true, nil }

// Bad tells whether something was wrong so far.
func (r *Reader) Bad() bool { return r.bad }

// Done returns an error if something was wrong or is left.
func (r *Reader) Done() error {
	if r.bad || len(r.rest) > 0 {
		return ErrMalformed
	}
	return nil
}

// Place writes the place of a name in a list; a name that is not there cannot be written.
func Place[T ~string](w *Writer, names []T, name T) error {
	for i, n := range names {
		if n == name {
			w.Number(uint64(i))
			return nil
		}
	}
	return ErrMalformed
}

// One reads a name that was written as its place in a list.
func One[T ~string](r *Reader, names []T) T {
	n := r.Number()
	if n >= uint64(len(names)) {
		r.Fail()
		return ""
	}
	return names[n]
}
