package cache

import (
	"github.com/cespare/xxhash/v2"

	"picloud/node/api"
	"picloud/node/codec"
)

// item is a question of the store to which an answer can be kept.
type item struct {
	op   api.Op
	id   string // says what is asked, in one way
	hash uint64 // of the ID
}

// newItem returns the item of a Get or a Scan.
func newItem(o api.Op) (*item, error) {
	switch o.Kind {
	case api.Get:
		o = api.Op{Kind: api.Get, Key: o.Key}
	case api.Scan:
		o = api.Op{Kind: api.Scan, Key: o.Key, End: o.End, Limit: o.Limit, Reverse: o.Reverse}
	default:
		return nil, api.Errorf(api.BadRequest, "read", o.Key, "a cache knows get and scan, not %.20q", o.Kind)
	}
	if err := (&api.Txn{Then: []api.Op{o}}).Validate(); err != nil {
		return nil, err
	}
	w := make(codec.Writer, 0, len(o.Key)+len(o.End)+8)
	w.Flag(o.Kind == api.Scan)
	w.Text(o.Key)
	if o.Kind == api.Scan {
		w.Text(o.End)
		w.Number(uint64(o.Limit))
		w.Flag(o.Reverse)
	}
	id := string(w)
	return &item{op: o, id: id, hash: xxhash.Sum64String(id)}, nil
}

// decodeItem reads an item from its ID.
func decodeItem(id []byte) (*item, error) {
	r := codec.NewReader(id)
	o := api.Op{Kind: api.Get}
	if r.Flag() {
		o.Kind = api.Scan
	}
	o.Key = r.Text()
	if o.Kind == api.Scan {
		o.End, o.Limit, o.Reverse = r.Text(), int(r.Number()), r.Flag()
	}
	if err := r.Done(); err != nil {
		return nil, api.Errorf(api.BadRequest, "read an item", "", "%s", err)
	}
	return newItem(o)
}

// prefix is what all keys that the item asks for begin with: a change of one of them finds the item by it.
func (i *item) prefix() string {
	o := &i.op
	switch {
	case o.Kind == api.Get:
		return o.Key
	case o.End == "":
		return api.Partition(o.Key)
	}
	n := 0
	for n < len(o.Key) && n < len(o.End) && o.Key[n] == o.End[n] {
		n++
	}
	return o.Key[:n]
}

// asksFor tells whether what the item is depends on a key.
func (i *item) asksFor(key string) bool {
	if i.op.Kind == api.Get {
		return key == i.op.Key
	}
	return (&api.Watch{Key: i.op.Key, End: i.op.End}).Holds(key)
}
