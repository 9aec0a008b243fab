package node

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/app"
	"picloud/node/host/hosttest"
	"picloud/node/lambda"
)

// TestARequestFindsAProgram: through a load balancer, of which the program knows nothing.
func TestARequestFindsAProgram(t *testing.T) {
	front, port := hosttest.FreePort(t), hosttest.FreePort(t)
	begun(t, func(c *Config) {
		c.LB = &LB{Port: front, Routes: []Route{{Service: "hello"}}}
		c.Apps = []App{{Name: "hello", Port: port, Drain: Duration{time.Millisecond},
			Program: &Program{Path: os.Args[0], Env: map[string]string{"PICLOUD_TEST_PROGRAM": "hello from a program"}}}}
	})
	answers(t, front, "hello from a program")
}

// answers waits until what serves on a port answers with a text.
func answers(t *testing.T, port, want string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		said := ""
		r, err := http.Get("http://" + net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			var body []byte
			body, err = io.ReadAll(r.Body)
			r.Body.Close()
			said = string(body)
		}
		if err == nil && said == want {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("%q, %v", said, err)
		}
	}
}

// toy is an application that is compiled in, and greets as its options say.
type toy struct{ kit app.Kit }

func newToy(k app.Kit) (app.App, error) {
	if k.Options["greeting"] == "" {
		return nil, errors.New("it has no greeting")
	}
	return &toy{k}, k.Metrics.Register(prometheus.NewCounter(prometheus.CounterOpts{Name: "toy_total", Help: "Nothing."}))
}

func (a *toy) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, a.kit.Options["greeting"]) })
}

func (a *toy) Functions() []lambda.Function { return nil }

func (a *toy) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (a *toy) Healthy(context.Context) error { return nil }

func TestAnApplicationThatIsCompiledIn(t *testing.T) {
	port := hosttest.FreePort(t)
	begun(t, func(c *Config) {
		c.applications = map[string]app.New{"toy": newToy}
		c.Apps = []App{{Name: "toy", Port: port, Drain: Duration{time.Millisecond}, Options: map[string]string{"greeting": "good day"}}}
	})
	answers(t, port, "good day")
}

// TestMain lets the test binary be a program that serves HTTP.
func TestMain(m *testing.M) {
	if text := os.Getenv("PICLOUD_TEST_PROGRAM"); text != "" {
		panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })))
	}
	os.Exit(m.Run())
}

func TestAnApplicationsFile(t *testing.T) {
	const file = "nodes: [pi-1]\napps:\n  - {name: hello, port: '9000', program: {path: /srv/hello, args: [-v], env: {COLOUR: red}}, drain: 3s}\n"
	var c Config
	if err := Parse("node.yaml", []byte(file), &c); err != nil {
		t.Fatal(err)
	}
	if a := c.Apps[0].config(); a.Program.Path != "/srv/hello" || a.Program.Env["COLOUR"] != "red" || a.Drain != 3*time.Second {
		t.Errorf("%+v", a)
	}
	for change, want := range map[[2]string]string{
		{"name: hello", "name: Hello"}:                                                     "apps[0]: app: an application's name is",
		{"port: '9000'", "port: '8080'"}:                                                   "is used twice",
		{"port: '9000'", "prot: '9000'"}:                                                   `unknown key "prot"`,
		{"program: {path: /srv/hello, args: [-v], env: {COLOUR: red}}, ", ""}:              `no application "hello" is compiled in`,
		{"drain: 3s", "options: {a: b}"}:                                                   "no options",
		{"program: {path: /srv/hello, ", "program: {"}:                                     "has no path",
		{"drain: 3s}", "drain: 3s}\n  - {name: hello, port: '9001', program: {path: /x}}"}: "twice",
	} {
		text := strings.Replace(file, change[0], change[1], 1)
		if err := Parse("node.yaml", []byte(text), new(Config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, where %q is expected", change[1], err, want)
		}
	}
}
