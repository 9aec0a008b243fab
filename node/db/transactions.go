package db

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"picloud/node/api"
	"picloud/node/web"
)

// transaction is a transaction as JSON.
type transaction struct {
	If   []condition `json:"if"`
	Then []operation `json:"then"`
	Else []operation `json:"else"` // reads only
}

// condition looks at one property of a document.
type condition struct {
	Key      string          `json:"key"`
	Is       string          `json:"is"` // = != < >, by default =
	Revision *uint64         `json:"revision"`
	Version  *uint64         `json:"version"`
	Value    json.RawMessage `json:"value"` // compared as compact JSON text, = and != only
	Exists   *bool           `json:"exists"`
}

// operation has one of put, delete, get and scan.
type operation struct {
	Put    string          `json:"put"`
	Value  json.RawMessage `json:"value"`
	TTL    int64           `json:"ttl_ms"`
	Delete string          `json:"delete"`
	Get    string          `json:"get"`
	Scan   string          `json:"scan"` // a prefix
	After  string          `json:"after"`
	Limit  int             `json:"limit"`
	Back   bool            `json:"reverse"`
}

// outcome is the answer to a transaction.
type outcome struct {
	Succeeded bool             `json:"succeeded"`
	Revision  uint64           `json:"revision"`
	Replayed  bool             `json:"replayed,omitempty"` // it took effect earlier, and the results are left out
	Results   []operationReply `json:"results"`
}

type operationReply struct {
	Documents []*document `json:"documents"`
	More      bool        `json:"more,omitempty"`
	Deleted   int         `json:"deleted,omitempty"`
}

func (d *DB) transact(ctx context.Context, c *call) error {
	body, err := d.body(c)
	if err != nil {
		return err
	}
	t, err := decodeTransaction(c.namespace, body)
	if err != nil {
		return err
	}
	if !t.ReadOnly() {
		if err := c.mayWrite(); err != nil {
			return err
		}
	}
	done, err := d.once(ctx, c, body, t)
	if err != nil {
		return err
	}
	answer := outcome{Succeeded: done.Succeeded, Revision: done.Revision, Replayed: done.replayed, Results: []operationReply{}}
	for i := range done.Results {
		r := &done.Results[i]
		answer.Results = append(answer.Results, operationReply{documentsOf(c.namespace, r), r.More, r.Deleted})
	}
	return c.answer(answer)
}

// decodeTransaction reads a transaction of a namespace.
func decodeTransaction(ns string, body []byte) (*api.Txn, error) {
	const doing = "read the transaction"
	var from transaction
	if err := web.FromJSON(bytes.NewReader(body), &from); err != nil {
		return nil, api.Errorf(api.BadRequest, doing, "", "%s", err)
	}
	t := &api.Txn{}
	for i := range from.If {
		c, err := from.If[i].compile(ns)
		if err != nil {
			return nil, refine(err, doing, fmt.Sprintf("if[%d]", i))
		}
		t.If = append(t.If, *c)
	}
	for name, ops := range map[string]struct {
		from []operation
		to   *[]api.Op
	}{"then": {from.Then, &t.Then}, "else": {from.Else, &t.Else}} {
		for i := range ops.from {
			o, err := ops.from[i].compile(ns)
			if err == nil && name == "else" && o.Writes() {
				err = errors.New("there are only reads in else")
			}
			if err != nil {
				return nil, refine(err, doing, fmt.Sprintf("%s[%d]", name, i))
			}
			*ops.to = append(*ops.to, *o)
		}
	}
	return t, t.Validate()
}

// refine says where in a transaction an error is.
func refine(err error, doing, where string) error {
	var e *api.Error
	if errors.As(err, &e) {
		return api.Errorf(e.Kind, doing, where, "%s", err)
	}
	return api.Errorf(api.BadRequest, doing, where, "%s", err)
}

func (c *condition) compile(ns string) (*api.Compare, error) {
	key, err := documentKey(ns, c.Key)
	if err != nil {
		return nil, err
	}
	if c.Is != "" && c.Exists != nil {
		return nil, errors.New("exists is compared with nothing")
	}
	if c.Value != nil && c.Is != "" && c.Is != "=" && c.Is != "!=" {
		return nil, errors.New("values are = or !=")
	}
	to, n := &api.Compare{Key: key, Is: c.Is}, 0
	if c.Is == "" {
		to.Is = "="
	}
	if c.Revision != nil {
		to.What, to.Number, n = api.Modified, *c.Revision, n+1
	}
	if c.Version != nil {
		to.What, to.Number, n = api.Version, *c.Version, n+1
	}
	if c.Value != nil {
		to.What, to.Value, n = api.Value, compact(c.Value), n+1
	}
	if c.Exists != nil {
		to.What, n = api.Version, n+1
		if *c.Exists {
			to.Is = ">"
		}
	}
	if n != 1 {
		return nil, errors.New("a condition has one of revision, version, value and exists")
	}
	return to, nil
}

func (o *operation) compile(ns string) (*api.Op, error) {
	n := 0
	for _, k := range []string{o.Put, o.Delete, o.Get, o.Scan} {
		if k != "" {
			n++
		}
	}
	if n != 1 {
		return nil, errors.New("an operation has one of put, delete, get and scan, with a key or a prefix")
	}
	if (o.Put != "") != (o.Value != nil) || o.Put == "" && o.TTL != 0 {
		return nil, errors.New("a put has a value, and nothing else has a value or ttl_ms")
	}
	if o.TTL < 0 { // that of the store's own KeepTTL, too
		return nil, fmt.Errorf("a time to live is not %d ms", o.TTL)
	}
	if o.Scan == "" && (o.After != "" || o.Limit != 0 || o.Back) {
		return nil, errors.New("only a scan has after, limit and reverse")
	}
	if o.Scan != "" {
		return o.ranged(ns)
	}
	key, err := documentKey(ns, o.Put+o.Delete+o.Get)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Put != "":
		return &api.Op{Kind: api.Put, Key: key, Value: compact(o.Value), TTL: o.TTL}, nil
	case o.Delete != "":
		return &api.Op{Kind: api.Delete, Key: key}, nil
	}
	return &api.Op{Kind: api.Get, Key: key}, nil
}

func (o *operation) ranged(ns string) (*api.Op, error) {
	s := span{Prefix: o.Scan, After: o.After}
	from, end, err := s.bounds(ns)
	if err == nil && from >= end {
		err = errors.New("nothing is behind after")
	}
	if err != nil {
		return nil, err
	}
	limit := o.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	return &api.Op{Kind: api.Scan, Key: from, End: end, Limit: limit, Reverse: o.Back}, nil
}

// compact returns a JSON value, which is valid, without spaces.
func compact(value json.RawMessage) []byte {
	var b bytes.Buffer
	_ = json.Compact(&b, value) // the decoder has accepted it
	return b.Bytes()
}
