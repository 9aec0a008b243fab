package web

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// Recorder is an answer of which is known how it began. It gives the client some time to take each part of it.
type Recorder struct {
	http.ResponseWriter
	status int
	began  time.Time
	lost   bool
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
	if status >= http.StatusOK { // it may be all that there is
		w.patience()
	}
	w.ResponseWriter.WriteHeader(status)
}

// patience gives the client some time to take what is sent next.
func (w *Recorder) patience() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(Patience)) // if that fails, so does the write
}

// Write sends a part of the answer.
func (w *Recorder) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	w.patience()
	n, err := w.ResponseWriter.Write(b)
	w.lost = w.lost || err != nil
	return n, err
}

// Hijack takes the connection over. The answer is then that it is something else from now on.
func (w *Recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, both, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.begin(http.StatusSwitchingProtocols)
	}
	return c, both, err
}

func (w *Recorder) begin(status int) {
	if w.status == 0 {
		w.status, w.began = status, time.Now()
	}
}

// Begun tells whether the answer has begun.
func (w *Recorder) Begun() bool { return w.status != 0 }

// Lost tells whether a part of the answer could not be sent: the client went away, or has not taken it in time.
func (w *Recorder) Lost() bool { return w.lost }

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
