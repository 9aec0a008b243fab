package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// patient is an answer that notes until when it may be taken.
type patient struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (p *patient) SetWriteDeadline(t time.Time) error {
	p.until = t
	return nil
}

// TestAnAnswerIsNotWaitedForForEver: none that has no body either. What a connection becomes has no limit.
func TestAnAnswerIsNotWaitedForForEver(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		limit  bool
	}{
		{"a body", func(w http.ResponseWriter) { w.Write([]byte("x")) }, true},
		{"no body", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }, true},
		{"something else from now on", func(w http.ResponseWriter) { w.WriteHeader(http.StatusSwitchingProtocols) }, false},
	} {
		w := &patient{ResponseRecorder: httptest.NewRecorder()}
		out := NewRecorder(w, httptest.NewRequest("GET", "/", nil))
		c.answer(out)
		out.End()
		if got := !w.until.IsZero(); got != c.limit {
			t.Errorf("%s: it has a limit: %v", c.name, got)
		}
	}
}
