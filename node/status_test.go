package node

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestANodeShowsPeopleWhatItIs reads the page of a node with all roles.
func TestANodeShowsPeopleWhatItIs(t *testing.T) {
	n := everything(t)
	url := "http://127.0.0.1:" + n.config.HTTP + statusPath
	for _, c := range []struct {
		method string
		status int
		want   []string
	}{
		{http.MethodGet, http.StatusOK, []string{"<h1>pi-1</h1>", `<span class="role">load balancer</span>`, `<span class="role">application clerk</span>`, "<h2>Alerts</h2>",
			"<code>picloud_db_requests_total</code> <small>Requests by protocol", `<td class="labels">kind=ok operation=set protocol=resp`, "picloud_store_log_write_seconds", "on average", "MiB"}},
		{http.MethodPost, http.StatusMethodNotAllowed, nil},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != c.status {
			t.Fatalf("%s: status %d (%v): %s", c.method, answer.StatusCode, err, text)
		}
		for _, want := range c.want {
			if !strings.Contains(string(text), want) {
				t.Errorf("the page has no %s", want)
			}
		}
		if t.Failed() {
			t.Logf("%s", text)
		}
	}
}

func TestValuesHaveTheirUnit(t *testing.T) {
	for _, c := range []struct {
		name  string
		value float64
		want  string
	}{
		{"x_total", 7, "7"}, {"x", 0.5, "0.5"}, {"x_bytes", 512, "512"}, {"x_bytes_total", 1536, "1.5 KiB"}, {"x_bytes", 3 << 40, "3.0 TiB"}, {"x_bytes", 1 << 55, "32768.0 TiB"},
		{"x_seconds", 0, "0"}, {"x_seconds", 0.0123456, "12.35ms"}, {"cpu_seconds_total", 90.5, "1m30.5s"}, {"node_time_seconds", 1_700_000_000, "2023-11-14 22:13:20 UTC"},
	} {
		if got := measured(c.name, c.value); got != c.want {
			t.Errorf("%s %g is %s, want %s", c.name, c.value, got, c.want)
		}
	}
}
