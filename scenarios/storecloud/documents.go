package storecloud

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"picloud/node/host"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// registersAt is where registers lie as documents.
const registersAt = "/v1/registers"

// attemptLimit is how long a client waits for a reply before it sends its request again.
const attemptLimit = time.Second

// documents carries out commands on JSON documents over HTTP. What changes something has an idempotency key, so
// that it may be sent again, to any database, when a reply did not come.
type documents struct {
	http      *http.Client
	databases []Database
	limit     time.Duration // of an attempt
}

func newDocuments(n host.Network, at []Database) *documents {
	return &documents{databases: at, limit: attemptLimit, http: &http.Client{Transport: &http.Transport{
		DialContext: n.DialContext, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
	}}}
}

// Do runs one command, in as many attempts as there is time for. An attempt that has not ended may take effect
// as long as none has that is the same to the database.
func (d *documents) Do(ctx context.Context, c kv.Command) (outcome history.Outcome, result, why string) {
	method, path, body := requestOf(&c)
	key := fmt.Sprintf("%016x", rand.Uint64())
	outcome = history.Failed
	for {
		status, reply, err := d.ask(ctx, method, path, body, key)
		switch {
		case err != nil:
			why = cmp.Or(why, err.Error()) // the last attempt mostly ends with the time: what the database said before tells more
		case status == http.StatusOK, status == http.StatusNotFound && c.Kind == history.Read:
			if result, changed := resultOf(&c, status, reply); changed || outcome == history.Failed {
				return history.OK, result, ""
			}
			return history.Unknown, "", "the condition did not hold, but an earlier attempt may yet find that it does"
		default:
			why = fmt.Sprintf("status %d: %.200s", status, reply)
		}
		if (err != nil || status == http.StatusGatewayTimeout) && c.Kind != history.Read {
			outcome = history.Unknown
		}
		if (err == nil && status < http.StatusInternalServerError) || !pause(ctx) {
			return outcome, "", why
		}
	}
}

// ask sends one request to one of the databases.
func (d *documents) ask(ctx context.Context, method, path, body, key string) (status int, reply []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	at := d.databases[rand.IntN(len(d.databases))]
	q, err := http.NewRequestWithContext(ctx, method, "http://"+at.HTTP+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if method != http.MethodGet {
		q.Header.Set("Idempotency-Key", key)
	}
	r, err := d.http.Do(q)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	reply, err = io.ReadAll(r.Body)
	return r.StatusCode, reply, err
}

// transactionBody is what is posted to a namespace.
type transactionBody struct {
	If   []condition `json:"if"`
	Then []operation `json:"then"`
	Else []operation `json:"else"`
}

type condition struct {
	Key    string  `json:"key"`
	Value  *string `json:"value,omitempty"`
	Exists *bool   `json:"exists,omitempty"`
}

type operation struct {
	Put   string `json:"put,omitempty"`
	Value string `json:"value,omitempty"`
	Get   string `json:"get,omitempty"`
}

// requestOf returns the request that is a command. A register's value is a JSON string, absent is the empty one.
func requestOf(c *kv.Command) (method, path, body string) {
	switch c.Kind {
	case history.Read:
		return http.MethodGet, registersAt + "/" + c.Key, ""
	case history.Write:
		return http.MethodPut, registersAt + "/" + c.Key, encode(c.Value)
	case history.Delete:
		return http.MethodDelete, registersAt + "/" + c.Key, ""
	}
	is := condition{Key: c.Key, Value: &c.Expect}
	if c.Expect == "" {
		is = condition{Key: c.Key, Exists: new(bool)}
	}
	return http.MethodPost, registersAt, encode(transactionBody{
		If: []condition{is}, Then: []operation{{Put: c.Key, Value: c.Value}}, Else: []operation{{Get: c.Key}},
	})
}

// resultOf returns what stood under the key, as far as the reply says it, and false if a condition did not hold.
func resultOf(c *kv.Command, status int, reply []byte) (result string, changed bool) {
	type document struct {
		Value string `json:"value"`
	}
	switch {
	case c.Kind == history.Read && status == http.StatusOK:
		var found document
		decode(reply, &found)
		return found.Value, true
	case c.Kind != history.CAS:
		return "", true
	}
	var done struct {
		Succeeded bool
		Results   []struct{ Documents []document }
	}
	if decode(reply, &done); done.Succeeded {
		return c.Expect, true
	}
	for _, found := range done.Results[0].Documents {
		result = found.Value
	}
	return result, false
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings can be encoded
	}
	return string(text)
}

// decode reads what the database said. That it says what it promises is a promise too.
func decode(reply []byte, into any) {
	if err := json.Unmarshal(reply, into); err != nil {
		panic(fmt.Sprintf("storecloud: the database answered %.200q: %v", reply, err))
	}
}
