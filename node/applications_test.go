package node

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"picloud/node/host/hosttest"
)

// TestARequestFindsAProgram: through a load balancer, of which the program knows nothing.
func TestARequestFindsAProgram(t *testing.T) {
	front, port := hosttest.FreePort(t), hosttest.FreePort(t)
	begun(t, func(c *Config) {
		c.LB = &LB{Port: front, Routes: []Route{{Service: "hello"}}}
		c.Apps = []App{{Name: "hello", Port: port, Drain: Duration{time.Millisecond},
			Program: &Program{Path: os.Args[0], Env: map[string]string{"PICLOUD_TEST_PROGRAM": "hello from a program"}}}}
	})
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get("http://" + net.JoinHostPort("127.0.0.1", front))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Body.Close() != nil {
			t.Fatal(err)
		}
		if string(body) == "hello from a program" {
			return
		}
		if r.StatusCode != http.StatusServiceUnavailable || time.Since(began) > time.Minute {
			t.Fatalf("status %d, %s", r.StatusCode, body)
		}
	}
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
		{"port: '9000'", "prot: '9000'"}:                                                   "field prot not found",
		{"program: {path: /srv/hello, ", "program: {"}:                                     "has no path",
		{"drain: 3s}", "drain: 3s}\n  - {name: hello, port: '9001', program: {path: /x}}"}: "twice",
	} {
		text := strings.Replace(file, change[0], change[1], 1)
		if err := Parse("node.yaml", []byte(text), new(Config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, where %q is expected", change[1], err, want)
		}
	}
}
