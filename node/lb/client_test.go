package lb

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnAnswerThatBreaksOffIsCounted, as the failure of who broke it off.
func TestAnAnswerThatBreaksOffIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Config{})
		l.serve(healthy(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, strings.Repeat("x", 1<<20))
			_ = http.NewResponseController(w).Flush()
			if r.URL.Path == "/breaks" {
				panic(http.ErrAbortHandler)
			}
			<-r.Context().Done()
		}))
		for _, c := range []struct {
			path, status string
			read         func(io.Reader) error
		}{
			{"/breaks", "502", func(from io.Reader) error { _, err := io.Copy(io.Discard, from); return err }},
			{"/goes-on", "499", func(from io.Reader) error { _, _ = io.CopyN(io.Discard, from, 10); return io.EOF }},
		} {
			a, err := l.client.Get("http://lb:80" + c.path)
			if err != nil || a.StatusCode != 200 {
				t.Fatalf("%s does not begin: %v", c.path, err)
			}
			if err := c.read(a.Body); err == nil {
				t.Errorf("%s does not break off", c.path)
			}
			_ = a.Body.Close()
			time.Sleep(time.Second)
			if n := l.metric("picloud_lb_requests_total", c.status); n != 1 {
				t.Errorf("%v requests of status %s are counted after %s, of %v in all", n, c.status, c.path, l.metric("picloud_lb_requests_total"))
			}
		}
	})
}

// seconds returns what a histogram has observed in all.
func (l *lab) seconds(name string) (sum float64) {
	l.t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetHistogram().GetSampleSum()
			}
		}
	}
	return sum
}
