package node

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"picloud/node/host/hosttest"
	"picloud/node/lb"
)

const balancerFile = `
nodes: [pi-1]
lb:
  routes:
    - {service: web}
    - {host: pictures.home, prefix: /api, service: api, priority: critical, timeout: 3s}
  policy: {health-path: /up, queue-wait: 200ms, retry-percent: 10}
`

func TestALoadBalancersFile(t *testing.T) {
	var c Config
	if err := Parse("node.yaml", []byte(balancerFile), &c); err != nil {
		t.Fatal(err)
	}
	if got := c.LB.config().Routes[1]; c.LB.Port != "80" || got != (lb.Route{Host: "pictures.home", Prefix: "/api", Service: "api", Priority: lb.Critical, Timeout: 3 * time.Second}) {
		t.Errorf("port %s, %+v", c.LB.Port, got)
	}
	if got := c.LB.config().Policy; got != (lb.Policy{HealthPath: "/up", QueueWait: 200 * time.Millisecond, RetryPercent: 10}) {
		t.Errorf("%+v", got)
	}
	for change, want := range map[[2]string]string{
		{"service: web", "servise: web"}:         `unknown key "servise"`,
		{"priority: critical", "priority: soon"}: "routes[1]: a priority is",
		{"lb:", "lb:\n  tls: {key: x}"}:          "lb.tls",
		{"lb:", "lb:\n  port: '8080'"}:           "is used twice",
		{"lb:", "lb:\n  port: http"}:             "is not a port",
	} {
		text := strings.Replace(balancerFile, change[0], change[1], 1)
		if err := Parse("node.yaml", []byte(text), new(Config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, where %q is expected", change[1], err, want)
		}
	}
}

// TestANodeBalances: what no route takes, and what no server is there for.
func TestANodeBalances(t *testing.T) {
	port := hosttest.FreePort(t)
	begun(t, func(c *Config) { c.LB = &LB{Port: port, Routes: []Route{{Prefix: "/web", Service: "web"}}} })
	for path, want := range map[string]string{"/": "404 not-found", "/web": "503 unavailable"} {
		r, err := http.Get("http://" + net.JoinHostPort("127.0.0.1", port) + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Body.Close() != nil {
			t.Fatal(err)
		}
		status, kind, _ := strings.Cut(want, " ")
		if fmt.Sprint(r.StatusCode) != status || !strings.Contains(string(body), kind) {
			t.Errorf("%s: status %d, %s", path, r.StatusCode, body)
		}
	}
}
