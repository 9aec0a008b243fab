package lb

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"picloud/node/web"
)

// writer is an answer on its way to a client, who may take some time for each part of it.
type writer struct {
	http.ResponseWriter
	status int
	began  time.Time
}

// took returns how long the client has waited for the answer to begin.
func (w *writer) took(since time.Time) time.Duration {
	if w.began.IsZero() {
		return time.Since(since)
	}
	return w.began.Sub(since)
}

// Unwrap lets http.ResponseController find what the writer stands on.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader begins the answer.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.status, w.began = status, time.Now()
	}
	w.wait()
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the answer.
func (w *writer) Write(b []byte) (int, error) {
	w.wait()
	return w.ResponseWriter.Write(b)
}

func (w *writer) wait() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(web.Patience)) // if that fails, so does the write
}

// buffers are what answers are copied through.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return *b.pool.Get().(*[]byte) }
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

const longestID = 64

// validID tells whether a request's ID may be passed on.
func validID(id string) bool {
	return id != "" && len(id) <= longestID && !strings.ContainsFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})
}

func newID() string { return fmt.Sprintf("%016x", rand.Uint64()) }
