package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"strings"

	"picloud/node/api"
	"picloud/node/codec"
	"picloud/node/web"
)

// idempotencyTTL is how long an idempotency key is remembered, ms.
const idempotencyTTL = 60 * 60 * 1000

// done is what came of a transaction.
type done struct {
	api.Reply
	replayed bool // it had taken effect before this request came
}

// once runs the transaction of a request. If the request has an idempotency key, a record of it is written
// with the rest, if and only if there was none; so a second attempt finds the record instead, and the
// record's revision is the first attempt's. Where the transaction's own conditions do not hold, nothing is
// written, no record either, and the next attempt is a first one.
func (d *DB) once(ctx context.Context, c *call, body []byte, t *api.Txn) (*done, error) {
	name, err := idempotencyKey(c.r.Header)
	if err != nil {
		return nil, err
	}
	if name == "" || t.ReadOnly() {
		reply, err := d.run(ctx, t)
		if err != nil {
			return nil, err
		}
		return &done{Reply: *reply}, nil
	}
	key, hash := t.Partition()+idempotencyRows+name, fingerprint(c.r, body)
	reply, err := d.run(ctx, &api.Txn{
		If:   append(t.If, api.Compare{Key: key, What: api.Version, Is: "="}),
		Then: append(t.Then, api.Op{Kind: api.Put, Key: key, Value: hash, TTL: idempotencyTTL}),
		Else: append(t.Else, api.Op{Kind: api.Get, Key: key}),
	})
	if api.KindOf(err) == api.TooLarge { // what else returns may be, and the first attempt may have done the rest
		before, failed := d.run(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
		if failed != nil {
			return nil, failed
		}
		if len(before.Results[0].Records) > 0 {
			before.Succeeded = false
			reply, err = before, nil
		}
	}
	if err != nil {
		return nil, err
	}
	last := len(reply.Results) - 1
	found := reply.Results[last].Records
	reply.Results = reply.Results[:last]
	if reply.Succeeded || len(found) == 0 {
		return &done{Reply: *reply}, nil
	}
	if !bytes.Equal(found[0].Value, hash) {
		return nil, api.Errorf(api.Conflict, "write", "", "the idempotency key %q was used for another request", name)
	}
	c.w.Header().Set(web.ReplayedHeader, "true")
	return &done{api.Reply{Succeeded: true, Revision: found[0].Modified}, true}, nil
}

// idempotencyKey reads the header, which may be absent.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values(web.IdempotencyHeader)
	if len(values) == 0 {
		return "", nil
	}
	name := values[0]
	if len(values) > 1 || len(name) < 1 || len(name) > 128 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", api.Errorf(api.BadRequest, "read the header", web.IdempotencyHeader, "it is 1 to 128 printable ASCII characters, once")
	}
	return name, nil
}

// fingerprint is the same for the same request.
func fingerprint(r *http.Request, body []byte) []byte {
	var w codec.Writer
	for _, s := range []string{r.Method, r.URL.Path, r.URL.Query().Encode(), r.Header.Get("If-Match"), r.Header.Get("If-None-Match")} {
		w.Text(s)
	}
	w.Bytes(body)
	sum := sha256.Sum256(w)
	return sum[:]
}
