package command

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheBoxKeepsEachMailOnce posts mails one after another.
func TestTheBoxKeepsEachMailOnce(t *testing.T) {
	var said strings.Builder
	p := &postbox{file: filepath.Join(t.TempDir(), "mail.txt"), say: &said, seen: map[string]bool{}}
	for _, c := range []struct {
		mail   string
		status int
	}{
		{`{"id":"1","user":"ann","to":"ann@example.org","subject":"Welcome","text":"Hello ann,\n\nwelcome!\n"}`, http.StatusNoContent},
		{`{"id":"1","user":"ann","to":"ann@example.org","subject":"Welcome","text":"Hello ann,\n\nwelcome!\n"}`, http.StatusNoContent},
		{`{"id":"2","to":"\u001b[2Jbob@example.org","subject":"line\nTo: eve","text":"\u0007bell"}`, http.StatusNoContent},
		{`{"to":"nobody@example.org"}`, http.StatusBadRequest},
		{`no mail`, http.StatusBadRequest},
		{`{"id":"3","text":"` + strings.Repeat("x", 64<<10) + `"}`, http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.mail)))
		if w.Code != c.status {
			t.Errorf("%.80s: status %d, want %d", c.mail, w.Code, c.status)
		}
	}
	kept, err := os.ReadFile(p.file)
	if want := "To: ann@example.org\nSubject: Welcome\nMessage-ID: 1\n\nHello ann,\n\nwelcome!\n\n\n" +
		"To: [2Jbob@example.org\nSubject: lineTo: eve\nMessage-ID: 2\n\nbell\n\n\n"; err != nil || string(kept) != want {
		t.Errorf("%v, it keeps %q, not %q", err, kept, want)
	}
	if want := "mail to ann@example.org: Welcome\nmail to [2Jbob@example.org: lineTo: eve\n"; said.String() != want {
		t.Errorf("it says %q, not %q", said.String(), want)
	}
}
