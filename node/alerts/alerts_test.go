package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"picloud/node/host"
)

// step is the time between two samples of a story.
const step = 5 * time.Second

var began = time.Unix(1_700_000_000, 0)

// told plays series, in the notation of Prometheus' tests, and returns what the evaluator said about them.
func told(t *testing.T, rules string, series ...string) string {
	t.Helper()
	r, err := Parse(File{"story", []byte(rules)})
	if err != nil {
		t.Fatal(err)
	}
	e := NewEvaluator(r)
	var said []string
	for round, more := 0, true; more; round++ {
		now := began.Add(time.Duration(round) * step)
		more = false
		for _, text := range series {
			l, values, err := newParser().ParseSeriesDesc(text)
			if err != nil {
				t.Fatal(err)
			}
			if round < len(values) {
				if more = true; !values[round].Omitted {
					e.Add(l, now, values[round].Value)
				}
			}
		}
		if !more {
			break
		}
		changes, err := e.Evaluate(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			said = append(said, fmt.Sprintf("%s %s %s %s", now.Sub(began), c.Name, c.State, c.Summary))
		}
	}
	return strings.Join(said, "\n")
}

// ruled returns a file with one group.
func ruled(rules ...string) string {
	return "groups:\n- name: g\n  rules:\n  - " + strings.Join(rules, "\n  - ")
}

func TestStories(t *testing.T) {
	const down = `{alert: Down, expr: up == 0, for: 10s, annotations: {summary: "{{ $labels.instance }} is down"}}`
	for _, story := range []struct {
		name   string
		rules  string
		series []string
		want   string
	}{
		{"nothing is wrong", ruled(down), []string{`up{instance="a"} 1 1 1 1`}, ``},
		{"the condition does not hold long enough", ruled(down), []string{`up{instance="a"} 1 0 0 1 1`},
			"5s Down pending a is down\n15s Down inactive a is down"},
		{"it fires and clears", ruled(down), []string{`up{instance="a"} 1 0 0 0 0 1`},
			"5s Down pending a is down\n15s Down firing a is down\n25s Down resolved a is down"},
		{"a second time begins anew", ruled(down), []string{`up{instance="a"} 0 1 0 0 0`},
			"0s Down pending a is down\n5s Down inactive a is down\n10s Down pending a is down\n20s Down firing a is down"},
		{"each value is an alert of its own", ruled(down), []string{`up{instance="b"} 0 0 0 0`, `up{instance="a"} 1 0 0 0`},
			"0s Down pending b is down\n5s Down pending a is down\n10s Down firing b is down\n15s Down firing a is down"},
		{"without a time it fires at once", ruled(`{alert: Full, expr: free < 10}`), []string{`free 20 5 20`},
			"5s Full firing \n10s Full resolved "},
		{"a counter's rate", ruled(`{alert: Errors, expr: 'rate(errors_total[20s]) > 1', annotations: {summary: "{{ $value }}/s"}}`),
			[]string{`errors_total 0 0 0 0 20 40 60 80 80 80 80 80 80`},
			"25s Errors firing 2/s\n50s Errors resolved 1.3333333333333333/s"},
		{"a counter that begins again has not gone back", ruled(`{alert: Errors, expr: 'increase(errors_total[20s]) > 50'}`),
			[]string{`errors_total 100 100 100 0 0 0 0 0`}, ``},
		{"a rule that records feeds another", ruled(`{record: "of:all", expr: sum(x)}`, `{alert: Much, expr: "of:all > 3", labels: {severity: page}}`),
			[]string{`x{n="1"} 1 1 1`, `x{n="2"} 1 3 1`}, "5s Much firing \n10s Much resolved "},
		{"old samples do not count", ruled(`{alert: Low, expr: x < 1}`), []string{`x 0 _x80`, `y 0x80`},
			"0s Low firing \n5m0s Low resolved "},
	} {
		t.Run(strings.ReplaceAll(story.name, " ", "_"), func(t *testing.T) {
			if got := told(t, story.rules, story.series...); got != story.want {
				t.Errorf("it said\n%s\nand should have said\n%s", got, story.want)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	for _, bad := range []struct{ rules, want string }{
		{ruled(`{alert: A, expr: "sum by x"}`), "parse"},
		{ruled(`{alert: A, expr: "nosuch(x)"}`), "unknown function"},
		{ruled(`{alert: A, expr: x, fro: 10s}`), "fro not found"},
		{ruled(`{alert: A, expr: x, for: ten}`), "duration"},
		{ruled(`{alert: A, expr: x, keep_firing_for: 1m}`), "keep_firing_for is not supported"},
		{ruled(`{alert: A, expr: x, labels: {of: "{{ $value }}"}}`), "a template in a label"},
		{ruled(`{alert: A, expr: x, annotations: {summary: "{{ nosuch 1 }}"}}`), "nosuch"},
		{ruled(`{alert: A, expr: "x @ 10"}`), "@ modifier is disabled"},
		{"groups:\n- name: g\n  interval: 1m\n  rules:\n  - {alert: A, expr: x}", "interval"},
	} {
		if _, err := Parse(File{"bad.yaml", []byte(bad.rules)}); err == nil || !strings.Contains(err.Error(), bad.want) ||
			!strings.Contains(err.Error(), "bad.yaml") {
			t.Errorf("%s\ngives %v, want %s", bad.rules, err, bad.want)
		}
	}
}

func TestTheWindowHoldsNoMoreThanRulesLookAt(t *testing.T) {
	r, err := Parse(File{"r", []byte(ruled(`{alert: A, expr: 'rate(x{of="a"}[10m] offset 5m) > 1'}`))})
	if err != nil {
		t.Fatal(err)
	}
	e := NewEvaluator(r)
	add := func(series string, round int) {
		l, _, err := newParser().ParseSeriesDesc(series)
		if err != nil {
			t.Fatal(err)
		}
		e.Add(l, began.Add(time.Duration(round)*step), 1)
	}
	for round := range 1000 {
		for _, series := range []string{`x{of="a"}`, `x{of="b"}`, `y{of="a"}`} {
			add(series, round)
		}
	}
	if len(e.window.names) != 1 || len(e.window.names["x"]) != 1 {
		t.Fatalf("it holds %v", e.window.names)
	}
	if n, most := len(e.window.names["x"][0].points), int(20*time.Minute/step)+1; n != most {
		t.Errorf("it holds %d samples, not %d", n, most)
	}
	add(`x{of="a"}`, 0)
	if n := len(e.window.names["x"][0].points); n != int(20*time.Minute/step)+1 {
		t.Errorf("a sample of the past made them %d", n)
	}
	if _, err := e.Evaluate(t.Context(), began.Add(24*time.Hour)); err != nil || len(e.window.names["x"]) != 0 {
		t.Errorf("after a day it still holds %v (%v)", e.window.names, err)
	}
}

// lab is a monitor of one node whose metrics a test sets.
type lab struct {
	*Monitor
	node    *httptest.Server
	metrics string
	log     bytes.Buffer
	round   int
}

func newLab(t *testing.T, rules string) *lab {
	t.Helper()
	r, err := Parse(File{"story", []byte(rules)})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{}
	l.node = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, l.metrics) }))
	t.Cleanup(l.node.Close)
	_, port, err := net.SplitHostPort(l.node.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h := &host.Host{Name: "m", Network: &host.RealNetwork{Names: map[string]string{"pi-1": "127.0.0.1"}},
		Log: slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))}
	l.Monitor = New(h, Config{Machines: []string{"pi-1"}, Port: port, Every: step}, r, &Inhibitions{})
	return l
}

// look has the monitor look once and returns what it said.
func (l *lab) look() string {
	l.log.Reset()
	l.Monitor.round(context.Background(), began.Add(time.Duration(l.round)*step))
	l.round++
	return strings.TrimSpace(l.log.String())
}

func (l *lab) expect(t *testing.T, want ...string) {
	t.Helper()
	got := l.look()
	for _, part := range want {
		if !strings.Contains(got, part) {
			t.Errorf("round %d: it said %q, which lacks %q", l.round, got, part)
		}
	}
	if len(want) == 0 && got != "" {
		t.Errorf("round %d: it said %q", l.round, got)
	}
}

func TestANodeThatIsMissing(t *testing.T) {
	l := newLab(t, ruled(`{alert: Low, expr: level < 5}`, `{alert: Down, expr: up == 0, for: 5s, labels: {severity: page}}`,
		`{alert: Slow, expr: 'histogram_quantile(0.5, sum by (le) (took_bucket)) > 1', annotations: {summary: "half took {{ $value }}"}}`))
	l.metrics = "level 9\n"
	l.expect(t)
	l.metrics = "# TYPE took histogram\ntook_bucket{le=\"1\"} 0\ntook_bucket{le=\"3\"} 10\ntook_bucket{le=\"+Inf\"} 10\n" +
		"took_count 10\ntook_sum 20\n# TYPE level gauge\nlevel{of=\"x\"} 1\n"
	l.expect(t, "msg=alert alert=Low state=firing", "instance:pi-1", "of:x", "value=1", `alert=Slow state=firing labels=map[] value=2 summary="half took 2"`)
	reply := httptest.NewRecorder()
	l.ServeHTTP(reply, nil)
	var listed []Alert
	if err := json.Unmarshal(reply.Body.Bytes(), &listed); err != nil || len(listed) != 2 || listed[0].Name != "Low" || listed[0].State != Firing {
		t.Errorf("it lists %s (%v)", reply.Body, err)
	}
	l.node.CloseClientConnections()
	l.node.Close()
	l.expect(t, "alert=Low state=resolved", "alert=Slow state=resolved", "alert=Down state=pending") // it does not say that it is low any more
	l.expect(t, "alert=Down state=firing", "severity:page")
	l.expect(t)
}

func TestAnAnswerThatIsNone(t *testing.T) {
	l := newLab(t, ruled(`{alert: Down, expr: up == 0}`))
	l.metrics = "level nine\n"
	l.expect(t, "alert=Down state=firing")
	l.metrics = "level 9\n"
	l.expect(t, "alert=Down state=resolved")
}
