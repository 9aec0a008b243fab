package db

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"picloud/node/api"
	"picloud/node/web"
)

// defaultLimit is how many documents a scan returns that names no limit.
const defaultLimit = 1000

// document is a document as JSON. Revisions are comparable within a partition.
type document struct {
	Key      string          `json:"key"`
	Value    json.RawMessage `json:"value"`
	Version  uint64          `json:"version"`           // changes since it was made, 1 for the first
	Revision uint64          `json:"revision"`          // of its last change
	Created  uint64          `json:"created"`           // the revision that made it
	TTL      int64           `json:"ttl_ms,omitempty"`  // it was given to live
	Left     int64           `json:"left_ms,omitempty"` // of them
}

func documentOf(ns string, r *api.Record) *document {
	return &document{Key: r.Key[len(ns)+1:], Value: r.Value, Version: r.Version, Revision: r.Modified, Created: r.Created, TTL: r.TTL, Left: r.Left}
}

// written is the answer to a write. A retry with the same idempotency key gets the same one.
type written struct {
	Key      string `json:"key"`
	Revision uint64 `json:"revision"`
}

type scanned struct {
	Documents []*document `json:"documents"`
	More      bool        `json:"more"`
	Revision  uint64      `json:"revision"`
	Next      string      `json:"next,omitempty"` // where to go on: after it, or in reverse, with it as the end
}

// read runs a transaction that only reads, where the request wants it.
func (d *DB) read(ctx context.Context, c *call, t *api.Txn) (*api.Reply, error) {
	stale, err := c.flag("stale")
	if err != nil {
		return nil, err
	}
	if !stale {
		return d.run(ctx, t)
	}
	reply, err := d.store.ReadStale(ctx, t)
	if err != nil {
		return nil, api.ReadError(err)
	}
	c.w.Header().Set(web.AgeHeader, strconv.FormatInt(reply.Age.Milliseconds(), 10))
	return &reply.Reply, nil
}

func (d *DB) get(ctx context.Context, c *call) error {
	key, err := documentKey(c.namespace, c.key)
	if err != nil {
		return err
	}
	reply, err := d.read(ctx, c, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
	if err != nil {
		return err
	}
	records := reply.Results[0].Records
	if len(records) == 0 {
		return api.Errorf(api.NotFound, "read", c.key, "there is no such document")
	}
	c.w.Header().Set("ETag", etag(records[0].Modified))
	return c.answer(documentOf(c.namespace, &records[0]))
}

func (d *DB) put(ctx context.Context, c *call) error {
	if err := c.mayWrite(); err != nil {
		return err
	}
	body, err := d.body(c)
	if err != nil {
		return err
	}
	var value bytes.Buffer
	if err := json.Compact(&value, body); err != nil {
		return api.Errorf(api.BadRequest, "read the document", c.key, "it is no JSON value: %s", err)
	}
	ttl, err := c.period("ttl")
	if err != nil {
		return err
	}
	return d.change(ctx, c, body, api.Op{Kind: api.Put, Value: value.Bytes(), TTL: ttl.Milliseconds()})
}

func (d *DB) delete(ctx context.Context, c *call) error {
	if err := c.mayWrite(); err != nil {
		return err
	}
	body, err := d.body(c)
	if err == nil && len(body) > 0 {
		err = api.Errorf(api.BadRequest, "read the body", "", "a DELETE has none")
	}
	if err != nil {
		return err
	}
	return d.change(ctx, c, nil, api.Op{Kind: api.Delete})
}

// change puts or deletes the call's document, if its conditions hold.
func (d *DB) change(ctx context.Context, c *call, body []byte, op api.Op) error {
	key, err := documentKey(c.namespace, c.key)
	if err != nil {
		return err
	}
	op.Key = key
	conditions, err := conditions(c.r.Header, key)
	if err != nil {
		return err
	}
	done, err := d.once(ctx, c, body, &api.Txn{If: conditions, Then: []api.Op{op}, Else: []api.Op{{Kind: api.Get, Key: key}}})
	if err != nil {
		return err
	}
	if !done.Succeeded {
		if found := done.Results[0].Records; len(found) > 0 {
			c.w.Header().Set("ETag", etag(found[0].Modified))
		}
		return api.Errorf(api.ConditionFailed, "write", c.key, "the condition (If-Match, If-None-Match) does not hold")
	}
	if op.Kind == api.Put {
		c.w.Header().Set("ETag", etag(done.Revision))
	}
	return c.answer(written{c.key, done.Revision})
}

func etag(revision uint64) string { return `"` + strconv.FormatUint(revision, 10) + `"` }

// conditions returns what If-Match and If-None-Match ask of a key.
func conditions(h http.Header, key string) ([]api.Compare, error) {
	var list []api.Compare
	if text := h.Get("If-Match"); text != "" {
		c, ok := ifMatch(text)
		if !ok {
			return nil, api.Errorf(api.BadRequest, "read the header", "If-Match", `it is "REVISION" or *, not %.40q`, text)
		}
		c.Key = key
		list = append(list, c)
	}
	if text := h.Get("If-None-Match"); text != "" {
		if strings.TrimSpace(text) != "*" {
			return nil, api.Errorf(api.BadRequest, "read the header", "If-None-Match", "of a write it is *, not %.40q", text)
		}
		list = append(list, api.Compare{Key: key, What: api.Version, Is: "="})
	}
	return list, nil
}

// ifMatch reads the value of If-Match.
func ifMatch(text string) (api.Compare, bool) {
	text = strings.TrimSpace(text)
	if text == "*" {
		return api.Compare{What: api.Version, Is: ">"}, true
	}
	n, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 64)
	return api.Compare{What: api.Modified, Is: "=", Number: n}, err == nil && n > 0 && text == etag(n)
}

func (d *DB) scan(ctx context.Context, c *call) error {
	q := c.r.URL.Query()
	limit, err := c.number("limit", api.MaxRange)
	if err != nil {
		return err
	}
	reverse, err := c.flag("reverse")
	if err != nil {
		return err
	}
	s := span{Prefix: q.Get("prefix"), From: q.Get("from"), After: q.Get("after"), End: q.Get("end")}
	from, end, err := s.bounds(c.namespace)
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = defaultLimit
	}
	t := &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: from, End: end, Limit: int(limit), Reverse: reverse}}}
	if from >= end { // nothing is there, but its revision is asked for all the same
		t.Then = []api.Op{{Kind: api.Get, Key: c.namespace + ":" + api.Partition(s.Prefix+s.From) + behindDocuments}}
	}
	reply, err := d.read(ctx, c, t)
	if err != nil {
		return err
	}
	found := scanned{Documents: documentsOf(c.namespace, &reply.Results[0]), More: reply.Results[0].More, Revision: reply.Revision}
	if n := len(found.Documents); n > 0 && found.More {
		found.Next = found.Documents[n-1].Key
	}
	return c.answer(found)
}

func documentsOf(ns string, r *api.Result) []*document {
	list := []*document{}
	for i := range r.Records {
		list = append(list, documentOf(ns, &r.Records[i]))
	}
	return list
}
