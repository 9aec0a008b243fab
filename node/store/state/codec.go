package state

import (
	"encoding/binary"
	"errors"

	"picloud/node/api"
)

// The encoding of commands, records, events and replies: numbers as varints, texts with their length
// before them, structures field by field in the order of their declaration. Lists have their length
// before them. A decoder takes nothing that the encoder would not have written, but for data behind
// the end, which is for the caller to find.

// errMalformed says that bytes are not what an encoder wrote.
var errMalformed = errors.New("malformed data")

// writer appends to itself.
type writer []byte

func (w *writer) number(n uint64) { *w = binary.AppendUvarint(*w, n) }

func (w *writer) flag(b bool) {
	n := uint64(0)
	if b {
		n = 1
	}
	w.number(n)
}

func (w *writer) bytes(b []byte) {
	w.number(uint64(len(b)))
	*w = append(*w, b...)
}

func (w *writer) text(s string) {
	w.number(uint64(len(s)))
	*w = append(*w, s...)
}

// reader takes from its front and remembers that something was wrong.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || size > 1 && r.rest[size-1] == 0 { // a longer form than the encoder writes
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) flag() bool {
	n := r.number()
	r.bad = r.bad || n > 1
	return n == 1
}

// bytes returns the next bytes, which belong to the data that is read. An empty text is nil.
func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	if n == 0 {
		return nil
	}
	return b
}

func (r *reader) text() string { return string(r.bytes()) }

// count returns the length of a list, each element of which takes a byte at least.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

// one returns the name of a number that was written as its place in a list.
func one[T ~string](r *reader, names []T) T {
	n := r.number()
	if n >= uint64(len(names)) {
		r.bad = true
		return ""
	}
	return names[n]
}

// place writes the place of a name in a list; a name that is not there cannot be written.
func place[T ~string](w *writer, names []T, name T) error {
	for i, n := range names {
		if n == name {
			w.number(uint64(i))
			return nil
		}
	}
	return errMalformed
}

// The names by their numbers, which stand on disks and must not change.
var (
	whats      = [...]api.What{api.Value, api.Created, api.Modified, api.Version}
	relations  = [...]string{"=", "!=", "<", ">"}
	opKinds    = [...]api.OpKind{api.Get, api.Scan, api.Put, api.Delete, api.DeleteRange}
	eventKinds = [...]api.EventKind{api.Changed, api.Removed, api.Expired}
)

func (w *writer) txn(t *api.Txn) error {
	w.number(uint64(len(t.If)))
	for i := range t.If {
		c := &t.If[i]
		w.text(c.Key)
		if err := errors.Join(place(w, whats[:], c.What), place(w, relations[:], c.Is)); err != nil {
			return err
		}
		w.bytes(c.Value)
		w.number(c.Number)
	}
	for _, ops := range [][]api.Op{t.Then, t.Else} {
		w.number(uint64(len(ops)))
		for i := range ops {
			o := &ops[i]
			if err := place(w, opKinds[:], o.Kind); err != nil {
				return err
			}
			w.text(o.Key)
			w.text(o.End)
			w.bytes(o.Value)
			w.number(uint64(o.TTL))
			w.number(uint64(o.Limit))
			w.flag(o.Reverse)
			w.flag(o.Previous)
		}
	}
	return nil
}

func (r *reader) txn() (t api.Txn) {
	for range r.count() {
		c := api.Compare{Key: r.text(), What: one(r, whats[:]), Is: one(r, relations[:])}
		c.Value, c.Number = r.bytes(), r.number()
		t.If = append(t.If, c)
	}
	for _, ops := range []*[]api.Op{&t.Then, &t.Else} {
		for range r.count() {
			o := api.Op{Kind: one(r, opKinds[:]), Key: r.text(), End: r.text(), Value: r.bytes()}
			o.TTL, o.Limit, o.Reverse, o.Previous = int64(r.number()), int(r.number()), r.flag(), r.flag()
			*ops = append(*ops, o)
		}
	}
	return t
}

func (w *writer) record(rec *api.Record) {
	w.text(rec.Key)
	w.bytes(rec.Value)
	w.number(rec.Created)
	w.number(rec.Modified)
	w.number(rec.Version)
	w.number(uint64(rec.TTL))
}

func (r *reader) record() api.Record {
	rec := api.Record{Key: r.text(), Value: r.bytes()}
	rec.Created, rec.Modified, rec.Version, rec.TTL = r.number(), r.number(), r.number(), int64(r.number())
	return rec
}

func (w *writer) reply(p *api.Reply) {
	w.flag(p.Succeeded)
	w.number(p.Revision)
	w.number(uint64(len(p.Results)))
	for i := range p.Results {
		res := &p.Results[i]
		w.number(uint64(len(res.Records)))
		for j := range res.Records {
			w.record(&res.Records[j])
		}
		w.flag(res.More)
		w.number(uint64(res.Deleted))
	}
}

func (r *reader) reply() api.Reply {
	p := api.Reply{Succeeded: r.flag(), Revision: r.number()}
	for range r.count() {
		var res api.Result
		for range r.count() {
			res.Records = append(res.Records, r.record())
		}
		res.More, res.Deleted = r.flag(), int(r.number())
		p.Results = append(p.Results, res)
	}
	return p
}

// done returns an error if something was wrong or is left.
func (r *reader) done() error {
	if r.bad || len(r.rest) > 0 {
		return errMalformed
	}
	return nil
}
