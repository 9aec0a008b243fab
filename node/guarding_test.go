package node

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/health"
	"picloud/node/host"
	"picloud/node/host/hosttest"
)

const healthFile = `
nodes: [pi-1, pi-2, pi-3]
health:
  mode: dry
  supply-watts: 60
  shelves: {b: [pi-2]}
  rules:
    warm: {raise: 65000, clear: 60000, hold: 1m}
    runaway: {off: true}
    cold: {signal: temperature, raise: 1000, clear: 5000, effect: {rest: true}}
  judge: 30s
`

func TestAFileWithHealth(t *testing.T) {
	var c Config
	if err := Parse("node.yaml", []byte(healthFile), &c); err != nil {
		t.Fatal(err)
	}
	h := c.Health.config(c.Nodes, "pi-1")
	rule := func(name string) (r health.Rule) {
		for _, r = range h.Rules {
			if r.Name == name {
				return r
			}
		}
		return health.Rule{}
	}
	if warm := rule("warm"); warm.Raise != 65_000 || warm.SoftRaise != 0 || warm.Hold != time.Minute || !warm.Effect.Rest {
		t.Errorf("%+v", warm)
	}
	if rule("runaway").Name != "" || rule("cold").Effect != (health.Effect{Rest: true}) || len(h.Rules) != len(health.DefaultRules()) {
		t.Errorf("%+v", h.Rules)
	}
	if h.Mode != health.Dry || h.Judge != 30*time.Second || !slices.Equal(h.Neighbours, []string{"pi-2", "pi-3"}) {
		t.Errorf("%+v", h)
	}
	for change, want := range map[[2]string]string{
		{"mode: dry", "mood: dry"}:                         `unknown key "mood"`,
		{"mode: dry", "mode: perhaps"}:                     "a mode is on, dry or off",
		{"warm: {raise: 65000", "warn: {raise: 65000"}:     `no rule "warn"`,
		{"clear: 60000", "clear: 65000"}:                   `rule "warm": it is raised and cleared at the same level`,
		{"signal: temperature", "signal: mood"}:            `no signal "mood"`,
		{"effect: {rest: true}", "effect: {rust: true}"}:   `unknown key "rust"`,
		{"shelves: {b: [pi-2]}", "shelves: {b: [pi-7]}"}:   `"pi-7" is not among the neighbours`,
		{"supply-watts: 60", "supply-watts: -60"}:          "supply-watts is negative",
		{"judge: 30s", "judge: 30s\n  ask: 9s"}:            "before it has had the 27s of three questions",
		{"judge: 30s", "judge: 30s\n  settle: 20s"}:        "has not settled",
		{"judge: 30s", "judge: 30s\n  live: 3s"}:           "at least two refreshes",
		{"judge: 30s", "judge: 30s\n  neighbours: [a, a]"}: "stands there twice",
	} {
		text := strings.Replace(healthFile, change[0], change[1], 1)
		if err := Parse("node.yaml", []byte(text), &Config{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", change[1], err, want)
		}
	}
}

func TestANodeShowsItsHealth(t *testing.T) {
	r := startWith(t, slog.DiscardHandler, func(c *Config) { c.Health = &Health{Neighbours: []string{"pi-2"}} })
	defer r.stop()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get("http://" + address + ":" + r.config.HTTP + health.Path)
		v := health.View{}
		if err == nil {
			err = json.NewDecoder(answer.Body).Decode(&v)
			answer.Body.Close()
		}
		if err == nil && v.Node == "pi-1" && v.Error == "" && len(v.Rules) == len(health.DefaultRules()) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, %v", v, err)
		}
	}
}

// lockedWriter lets several goroutines write.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// TestAFencedNodeEndsAndStaysAway until somebody forgives its card. It is one of three, so that the others let it go; a rule of its own
// takes it for dying at once.
func TestAFencedNodeEndsAndStaysAway(t *testing.T) {
	names := map[string]string{"pi-1": "127.0.6.1", "pi-2": "127.0.6.2", "pi-3": "127.0.6.3"}
	all := []string{"pi-1", "pi-2", "pi-3"}
	storePort, httpPort := hosttest.FreePort(t), hosttest.FreePort(t)
	config := func(dies bool) *Config {
		c := &Config{Nodes: all, StorePort: storePort, HTTP: httpPort, Health: &Health{Every: Duration{200 * time.Millisecond}},
			Store: &Store{Groups: [][]string{all}, Patience: Duration{300 * time.Millisecond}}}
		if dies {
			raise, limit := int64(0), int64(1)
			c.Health.Rules = map[string]Rule{"dies": {Signal: string(health.Condemned), Raise: &raise, Clear: &limit, Effect: &health.Effect{Follow: true, Fence: true}}}
		}
		return c
	}
	machine := func(name string) *host.Host {
		return &host.Host{Name: name, Network: &host.RealNetwork{Address: names[name], Names: names}, Disk: vfs.NewMem(), Log: slog.New(slog.DiscardHandler)}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	for _, name := range all[:2] {
		others.Go(func() {
			if err := Run(ctx, machine(name), config(false)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	last := machine("pi-3")
	for _, c := range []struct {
		dies bool
		why  string
	}{{true, "rule dies was raised"}, {false, "was fenced at"}} {
		var said bytes.Buffer
		last.Log = slog.New(slog.NewTextHandler(&lockedWriter{w: &said}, nil))
		if err := Run(ctx, last, config(c.dies)); err != nil || ctx.Err() != nil || !strings.Contains(said.String(), "the node is fenced") || !strings.Contains(said.String(), c.why) {
			t.Fatalf("its card dies: %t; %v, and it said %s", c.dies, err, said.String())
		}
	}
	last.Log = slog.New(slog.DiscardHandler)
	if err := Forgive(last, config(false)); err != nil {
		t.Fatal(err)
	}
	briefly, end := context.WithTimeout(ctx, time.Second)
	defer end()
	if err := Run(briefly, last, config(false)); err != nil {
		t.Errorf("it was forgiven: %v", err)
	}
}
