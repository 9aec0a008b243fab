package db

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"picloud/node/api"
	"picloud/node/web"
)

// The operations, as metrics name them.
const (
	opGet         = "get"
	opPut         = "put"
	opDelete      = "delete"
	opScan        = "scan"
	opTransaction = "transaction"
	opChanges     = "changes"
	opOther       = "other"
)

// call is an HTTP request with what is known about it.
type call struct {
	w         http.ResponseWriter
	r         *http.Request
	who       *identity
	namespace string
	key       string // of a document, empty if the path has none
	operation string
}

// endpoint is what a path and a method lead to.
type endpoint struct {
	operation  string
	parameters []string // of the query
	serve      func(context.Context, *call) error
}

// Handler returns what serves documents:
//
//	/v1/NAMESPACE/KEY    a document
//	/v1/NAMESPACE        scans and transactions
//	/changes/NAMESPACE   the change feed, outside /v1 so that it is no document's path
//
// A feed ends with its request's context, and when its server stops.
func (d *DB) Handler() http.Handler { return http.HandlerFunc(d.serveHTTP) }

func (d *DB) serveHTTP(w http.ResponseWriter, r *http.Request) {
	c, began := &call{w: w, r: r, operation: opOther}, time.Now()
	if r.ContentLength != 0 {
		web.BodyWithin(w, d.config.Timeout)
	}
	e, err := d.route(c)
	if err == nil && e.operation == opChanges {
		c.operation = e.operation
		err = d.feed(e, c)
	} else if err == nil {
		c.operation = e.operation
		d.metrics.inFlight.WithLabelValues("http").Inc()
		defer d.metrics.inFlight.WithLabelValues("http").Dec()
		ctx, cancel := context.WithTimeout(r.Context(), d.config.Timeout)
		defer cancel()
		err = e.serve(ctx, c)
	}
	d.observe(r.Context(), "http", c.operation, began, err)
	if err != nil && !errors.Is(err, errAnswered) {
		web.Refuse(w, err)
	}
}

// errAnswered says that an error went to the client in the body of a reply that had begun.
var errAnswered = errors.New("the reply had begun")

// route finds the endpoint and lets the caller in.
func (d *DB) route(c *call) (*endpoint, error) {
	endpoints := map[string]endpoint{}
	if rest, ok := strings.CutPrefix(c.r.URL.Path, "/v1/"); ok {
		var isKey bool
		if c.namespace, c.key, isKey = strings.Cut(rest, "/"); isKey {
			endpoints = d.ofDocuments()
		} else {
			endpoints = d.ofNamespaces()
		}
	} else if c.namespace, ok = strings.CutPrefix(c.r.URL.Path, "/changes/"); ok && !strings.Contains(c.namespace, "/") {
		endpoints[http.MethodGet] = endpoint{opChanges, []string{"prefix", "from", "wait"}, d.changes}
	} else {
		return nil, web.NoPath(c.r, "there is nothing below /v1/NAMESPACE and /changes/NAMESPACE only")
	}
	if err := d.admit(c); err != nil {
		return nil, err
	}
	e, ok := endpoints[c.r.Method]
	if !ok {
		return nil, web.NotAllowed(c.w, c.r, endpoints)
	}
	if _, err := web.Query(c.r, e.parameters...); err != nil {
		return nil, err
	}
	return &e, nil
}

func (d *DB) ofDocuments() map[string]endpoint {
	get := endpoint{opGet, []string{"stale"}, d.get}
	return map[string]endpoint{http.MethodGet: get, http.MethodHead: get,
		http.MethodPut: {opPut, []string{"ttl"}, d.put}, http.MethodDelete: {opDelete, nil, d.delete}}
}

func (d *DB) ofNamespaces() map[string]endpoint {
	scan := endpoint{opScan, []string{"prefix", "from", "after", "end", "limit", "reverse", "stale"}, d.scan}
	return map[string]endpoint{http.MethodGet: scan, http.MethodHead: scan, http.MethodPost: {opTransaction, nil, d.transact}}
}

// admit finds out who calls, and whether the namespace is open to him.
func (d *DB) admit(c *call) error {
	c.who = everybody()
	if !d.open() {
		scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
		if c.who = d.bearer(token); c.who == nil || !strings.EqualFold(scheme, "bearer") {
			c.w.Header().Set("WWW-Authenticate", "Bearer")
			return api.Errorf(api.Unauthorised, "serve", "", "it takes a token that is known here (Authorization: Bearer TOKEN)")
		}
	}
	if err := validNamespace(c.namespace); err != nil {
		return err
	}
	if !c.who.enters(c.namespace) {
		return api.Errorf(api.Forbidden, "use the namespace", c.namespace, "the token is not for it")
	}
	return nil
}

// mayWrite refuses readers.
func (c *call) mayWrite() error {
	if c.who.writes() {
		return nil
	}
	return api.Errorf(api.Forbidden, "write", "in "+c.namespace, "the token is a reader's")
}

// body reads the request's body. It is UTF-8: of JSON that is not, values would be kept as they came, and keys that
// differ become the same.
func (d *DB) body(c *call) ([]byte, error) {
	body, err := web.Body(c.w, c.r, d.config.MaxBody)
	if err == nil && !utf8.Valid(body) {
		return nil, api.Errorf(api.BadRequest, "read the body", "", "it is not UTF-8")
	}
	return body, err
}

// flag reads a parameter that is true or false, by default the latter.
func (c *call) flag(name string) (bool, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, api.Errorf(api.BadRequest, "read the query", name, "it is true or false, not %.20q", text)
	}
	return b, nil
}

// number reads a parameter from 0 to most, by default 0.
func (c *call) number(name string, most uint64) (uint64, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0, api.Errorf(api.BadRequest, "read the query", name, "it is a number from 0 to %d, not %.20q", most, text)
	}
	return n, nil
}

// period reads a parameter like 1m30s, by default 0.
func (c *call) period(name string) (time.Duration, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	p, err := time.ParseDuration(text)
	if err != nil || p < time.Millisecond {
		return 0, api.Errorf(api.BadRequest, "read the query", name, "it is a time of 1ms or more, like 90s or 1h30m, not %.20q", text)
	}
	return p, nil
}

// answer sends a value.
func (c *call) answer(v any) error {
	body, err := web.AsJSON(v)
	if err != nil {
		return api.Errorf(api.Internal, "encode the answer", "", "%s", err)
	}
	c.send(http.StatusOK, body)
	return nil
}

func (c *call) send(status int, body []byte) { web.Reply(c.w, status, body) }
