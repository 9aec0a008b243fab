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
	alarm  bool // a deadline for writes ends the answer, whether anything is written then or not
	status int
	began  time.Time
	lost   bool
}

// NewRecorder returns a recorder of an answer to a request that has not begun. End must be called when its handler is done.
func NewRecorder(w http.ResponseWriter, r *http.Request) *Recorder {
	return &Recorder{ResponseWriter: w, alarm: r.ProtoMajor > 1} // HTTP/2
}

// Unwrap lets http.ResponseController find what the recorder stands on.
func (w *Recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader begins the answer.
func (w *Recorder) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// End gives the client some time to take what net/http has kept of the answer to send it now.
func (w *Recorder) End() {
	if w.status != http.StatusSwitchingProtocols {
		w.patience()
	}
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
	w.sent(err)
	return n, err
}

// FlushError sends what was written.
func (w *Recorder) FlushError() error {
	w.begin(http.StatusOK)
	w.patience()
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.sent(err)
	return err
}

// sent takes note of what became of a part. The next one may come whenever it wants.
func (w *Recorder) sent(err error) {
	w.lost = w.lost || err != nil
	if w.alarm {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Time{})
	}
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
