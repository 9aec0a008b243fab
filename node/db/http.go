package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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

// The headers that are the database's own.
const (
	headerAge         = "Picloud-Age-Ms"
	headerIdempotency = "Idempotency-Key"
	headerReplayed    = "Idempotency-Replayed"
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
// A feed ends with its request's context: a server that shuts down ends its base context first.
func (d *DB) Handler() http.Handler { return http.HandlerFunc(d.serveHTTP) }

func (d *DB) serveHTTP(w http.ResponseWriter, r *http.Request) {
	c, began := &call{w: w, r: r, operation: opOther}, time.Now()
	if r.ContentLength != 0 {
		c.bodyWithin(d.config.Timeout)
	}
	e, err := d.route(c)
	if err == nil && e.operation == opChanges {
		c.operation = e.operation
		d.metrics.watchers.Inc()
		defer d.metrics.watchers.Dec()
		err = e.serve(r.Context(), c)
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

// bodyWithin bounds how long the client may take to send a body, which is zero for no bound. It bounds too how long
// the server reads on what a refused request has left.
func (c *call) bodyWithin(limit time.Duration) {
	var end time.Time
	if limit > 0 {
		end = time.Now().Add(limit)
	}
	_ = http.NewResponseController(c.w).SetReadDeadline(end) // if that fails, so does the next read
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
		return nil, api.Errorf(api.NotFound, "serve", fmt.Sprintf("the path %.80q", c.r.URL.Path), "there is nothing below /v1/NAMESPACE and /changes/NAMESPACE only")
	}
	if err := d.admit(c); err != nil {
		return nil, err
	}
	e, ok := endpoints[c.r.Method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(endpoints)), ", ")
		c.w.Header().Set("Allow", allowed)
		return nil, api.Errorf(api.MethodNotAllowed, "serve", "the method "+c.r.Method, "it is one of %s", allowed)
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, api.Errorf(api.BadRequest, "read the query", "", "%s", err)
	}
	for name, values := range query {
		if !slices.Contains(e.parameters, name) || len(values) != 1 {
			return nil, api.Errorf(api.BadRequest, "read the query", "", "%.80q is not one of %v, or stands there twice", name, e.parameters)
		}
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

// body reads the request's body.
func (d *DB) body(c *call) ([]byte, error) {
	var data []byte
	var err error = &http.MaxBytesError{Limit: d.config.MaxBody}
	if c.r.ContentLength > d.config.MaxBody {
		c.w.Header().Set("Connection", "close") // what is known to be too large is not waited for
	} else {
		data, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, d.config.MaxBody))
	}
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, api.Errorf(api.TooLarge, "read the body", "", "it has more than %d bytes", over.Limit)
	}
	if err != nil {
		return nil, api.Errorf(api.BadRequest, "read the body", "", "%s", err)
	}
	c.bodyWithin(0) // what ends while a request is served ends the request
	return data, nil
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
