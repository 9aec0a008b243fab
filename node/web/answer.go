package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Patience is how long a client may take to take what it is sent.
const Patience = 30 * time.Second

// AsJSON returns a value as JSON, as short as it can be, characters like < left alone.
func AsJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// Refuse answers a request with an error: its status, and what it is as JSON.
func Refuse(w http.ResponseWriter, err error) {
	status, refusal := StatusOf(err), AsError(err)
	body, e := AsJSON(refusal)
	if e != nil {
		body = nil
	}
	switch {
	case refusal != nil && refusal.RetryAfter > 0:
		w.Header().Set("Retry-After", strconv.FormatInt((refusal.RetryAfter+999)/1000, 10))
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	Reply(w, status, body)
}

// Reply sends an answer, which is JSON, to a client, who may take some time to take it.
func Reply(w http.ResponseWriter, status int, body []byte) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(Patience)) // if that fails, so does the write
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away has no use for the error
}
