package kernel

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"io"
	"strconv"

	"picloud/sim/event"
)

// Trace is everything that happened in a run, a line each, and a running hash of the lines. Two
// runs of one seed have the same trace to the last byte; where they part, the first line that
// differs says when and where.
type Trace struct {
	sum   hash.Hash
	out   *bufio.Writer
	line  []byte
	lines int
	buf   []byte // lines not yet hashed
	table *crc32.Table
}

// NewTrace returns a trace that also writes its lines to w, unless w is nil.
func NewTrace(w io.Writer) *Trace {
	t := &Trace{sum: sha256.New(), table: crc32.MakeTable(crc32.Castagnoli)}
	if w != nil {
		t.out = bufio.NewWriterSize(w, 1<<20)
	}
	return t
}

// Lines returns the number of lines so far.
func (t *Trace) Lines() int { return t.lines }

// Hash returns the hash of all lines so far, in hexadecimal digits.
func (t *Trace) Hash() string {
	t.flushHash()
	return hex.EncodeToString(t.sum.Sum(nil))
}

// Close writes out what is buffered.
func (t *Trace) Close() error {
	if t.out == nil {
		return nil
	}
	return t.out.Flush()
}

// Note adds a line: what happened at a time to a subject.
func (t *Trace) Note(at event.Time, subject, what string) {
	t.begin(at, subject)
	t.line = append(t.line, ' ')
	t.line = append(t.line, what...)
	t.end()
}

// Data adds a line for something that happened with data, which is shown by its checksum.
func (t *Trace) Data(at event.Time, subject, what string, data []byte) {
	t.begin(at, subject)
	t.line = append(t.line, ' ')
	t.line = append(t.line, what...)
	t.number(" bytes=", int64(len(data)))
	t.number(" crc=", int64(crc32.Checksum(data, t.table)))
	t.end()
}

// turn adds the line of one turn of a process.
func (t *Trace) turn(at event.Time, p *Process, in, out []byte, r report) {
	t.begin(at, p.label)
	t.number(" turn in=", int64(len(in)))
	t.number("/", int64(crc32.Checksum(in, t.table)))
	t.number(" out=", int64(len(out)))
	t.number("/", int64(crc32.Checksum(out, t.table)))
	t.number(" slices=", int64(r.slices))
	t.number(" alloc=", int64(r.allocated))
	t.number(" draws=", int64(r.draws))
	t.number(" busy=", int64(r.runnable))
	t.number(" next=", r.nextTimer)
	t.end()
}

func (t *Trace) begin(at event.Time, subject string) {
	t.line = strconv.AppendInt(t.line[:0], int64(at), 10)
	t.line = append(t.line, ' ')
	t.line = append(t.line, subject...)
}

func (t *Trace) number(name string, n int64) {
	t.line = append(t.line, name...)
	t.line = strconv.AppendInt(t.line, n, 10)
}

func (t *Trace) end() {
	t.line = append(t.line, '\n')
	t.lines++
	t.buf = append(t.buf, t.line...)
	if len(t.buf) > 1<<16 {
		t.flushHash()
	}
	if t.out != nil {
		t.out.Write(t.line)
	}
}

func (t *Trace) flushHash() {
	t.sum.Write(t.buf)
	t.buf = t.buf[:0]
}
