package web

import (
	"net/http"
	"time"
)

// Recorder is an answer of which is known how it began. It gives the client some time to take each part of it.
type Recorder struct {
	http.ResponseWriter
	status int
	began  time.Time
}

// NewRecorder returns a recorder of an answer that has not begun.
func NewRecorder(w http.ResponseWriter) *Recorder { return &Recorder{ResponseWriter: w} }

// Unwrap lets http.ResponseController find what the recorder stands on.
func (w *Recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader begins the answer.
func (w *Recorder) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the answer.
func (w *Recorder) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(Patience)) // if that fails, so does the write
	return w.ResponseWriter.Write(b)
}

func (w *Recorder) begin(status int) {
	if w.status == 0 {
		w.status, w.began = status, time.Now()
	}
}

// Begun tells whether the answer has begun.
func (w *Recorder) Begun() bool { return w.status != 0 }

// Status returns the answer's status: 200 if its handler has written nothing.
func (w *Recorder) Status() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// Took returns the time since then in which the answer has begun.
func (w *Recorder) Took(since time.Time) time.Duration {
	if w.began.IsZero() {
		return time.Since(since)
	}
	return w.began.Sub(since)
}
