package api

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"picloud/node/codec"
)

// The names by their numbers, which stand on disks and must not change.
var (
	whats      = [...]What{Value, Created, Modified, Version}
	relations  = [...]string{"=", "!=", "<", ">"}
	opKinds    = [...]OpKind{Get, Scan, Put, Delete, DeleteRange}
	eventKinds = [...]EventKind{Changed, Removed, Expired}
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumBytes is the length of a request's checksum, which stands behind it.
const sumBytes = 4

// Request is a transaction of a session, which takes effect once however often it is sent.
type Request struct {
	Session  uint64
	Sequence uint64 // of the request in its session, from 1 on
	Answered uint64 // the session needs no reply to any request up to this one
	Txn      Txn
}

// Encode returns the request as bytes, with a checksum that goes with them from the client to the
// replicas that apply them.
func (q *Request) Encode() ([]byte, error) {
	w := make(codec.Writer, 0, 128)
	w.Number(q.Session)
	w.Number(q.Sequence)
	w.Number(q.Answered)
	if err := WriteTxn(&w, &q.Txn); err != nil {
		return nil, fmt.Errorf("api: encode a request: %w", err)
	}
	return binary.BigEndian.AppendUint32(w, crc32.Checksum(w, castagnoli)), nil
}

// ErrChecksum says that a request is not what its client sent.
var ErrChecksum = errors.New("it does not match its checksum")

// DecodeRequest reads a request; its values belong to data.
func DecodeRequest(data []byte) (q Request, err error) {
	n := len(data) - sumBytes
	if n < 0 || crc32.Checksum(data[:n], castagnoli) != binary.BigEndian.Uint32(data[n:]) {
		return q, fmt.Errorf("api: a request of %d bytes: %w", len(data), ErrChecksum)
	}
	r := codec.NewReader(data[:n])
	q = Request{Session: r.Number(), Sequence: r.Number(), Answered: r.Number(), Txn: ReadTxn(r)}
	if err := r.Done(); err != nil {
		return q, fmt.Errorf("api: a request of %d bytes: %w", len(data), err)
	}
	return q, nil
}

// WriteTxn writes a transaction.
func WriteTxn(w *codec.Writer, t *Txn) error {
	w.Number(uint64(len(t.If)))
	for i := range t.If {
		c := &t.If[i]
		w.Text(c.Key)
		if err := errors.Join(codec.Place(w, whats[:], c.What), codec.Place(w, relations[:], c.Is)); err != nil {
			return err
		}
		w.Bytes(c.Value)
		w.Number(c.Number)
	}
	for _, ops := range [][]Op{t.Then, t.Else} {
		w.Number(uint64(len(ops)))
		for i := range ops {
			o := &ops[i]
			if err := codec.Place(w, opKinds[:], o.Kind); err != nil {
				return err
			}
			w.Text(o.Key)
			w.Text(o.End)
			w.Bytes(o.Value)
			w.Number(uint64(o.TTL))
			w.Number(uint64(o.Limit))
			w.Flag(o.Reverse)
			w.Flag(o.Previous)
		}
	}
	return nil
}

// ReadTxn reads a transaction.
func ReadTxn(r *codec.Reader) (t Txn) {
	for range r.Each() {
		c := Compare{Key: r.Text(), What: codec.One(r, whats[:]), Is: codec.One(r, relations[:])}
		c.Value, c.Number = r.Bytes(), r.Number()
		t.If = append(t.If, c)
	}
	for _, ops := range []*[]Op{&t.Then, &t.Else} {
		for range r.Each() {
			o := Op{Kind: codec.One(r, opKinds[:]), Key: r.Text(), End: r.Text(), Value: r.Bytes()}
			o.TTL, o.Limit, o.Reverse, o.Previous = int64(r.Number()), int(r.Number()), r.Flag(), r.Flag()
			*ops = append(*ops, o)
		}
	}
	return t
}

func writeRecord(w *codec.Writer, rec *Record) {
	w.Text(rec.Key)
	w.Bytes(rec.Value)
	w.Number(rec.Created)
	w.Number(rec.Modified)
	w.Number(rec.Version)
	w.Number(uint64(rec.TTL))
	w.Number(uint64(rec.Left))
}

func readRecord(r *codec.Reader) Record {
	rec := Record{Key: r.Text(), Value: r.Bytes()}
	rec.Created, rec.Modified, rec.Version = r.Number(), r.Number(), r.Number()
	rec.TTL, rec.Left = int64(r.Number()), int64(r.Number())
	return rec
}

// WriteReply writes a reply.
func WriteReply(w *codec.Writer, p *Reply) {
	w.Flag(p.Succeeded)
	w.Number(p.Revision)
	w.Number(uint64(len(p.Results)))
	for i := range p.Results {
		res := &p.Results[i]
		w.Number(uint64(len(res.Records)))
		for j := range res.Records {
			writeRecord(w, &res.Records[j])
		}
		w.Flag(res.More)
		w.Number(uint64(res.Deleted))
	}
}

// ReadReply reads a reply.
func ReadReply(r *codec.Reader) Reply {
	p := Reply{Succeeded: r.Flag(), Revision: r.Number()}
	for range r.Each() {
		var res Result
		for range r.Each() {
			res.Records = append(res.Records, readRecord(r))
		}
		res.More, res.Deleted = r.Flag(), int(r.Number())
		p.Results = append(p.Results, res)
	}
	return p
}

// WriteEvent writes an event but for its revision.
func WriteEvent(w *codec.Writer, e *Event) error {
	err := codec.Place(w, eventKinds[:], e.Kind)
	writeRecord(w, &e.Record)
	return err
}

// ReadEvent reads an event but for its revision.
func ReadEvent(r *codec.Reader) Event {
	return Event{Kind: codec.One(r, eventKinds[:]), Record: readRecord(r)}
}
