package node

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"picloud/node/cache"
	"picloud/node/db"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/pinboard"
	"picloud/node/store"
)

// begun starts a node, and returns it with where it serves HTTP.
func begun(t *testing.T, more ...func(*Config)) (*node, string) {
	t.Helper()
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Machines: map[string]string{"pi-1": "127.0.0.1"}, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h.Log = slog.New(slog.DiscardHandler)
	c := &Config{
		Nodes: []string{"pi-1"}, StorePort: hosttest.FreePort(t), HTTP: hosttest.FreePort(t),
		Store:   &Store{Groups: [][]string{{"pi-1"}}},
		DB:      &DB{Tokens: []Token{{Token: "a-token-of-a-test", Role: "admin", Namespaces: []string{"*"}}}},
		Monitor: &Monitor{Every: Duration{50 * time.Millisecond}},
	}
	for _, change := range more {
		change(c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n := &node{host: h, config: c, metrics: prometheus.NewRegistry()}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	run := func(_ string, serve func(context.Context) error) { all.Go(func() { serve(ctx) }) }
	err = n.begin(ctx, run, run)
	t.Cleanup(func() {
		stop()
		all.Wait()
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, "http://127.0.0.1:" + c.HTTP
}

// TestRulesLookAtMetricsThatAreExported: a rule with a misspelt metric never fires.
func TestRulesLookAtMetricsThatAreExported(t *testing.T) {
	n, _ := begun(t, func(c *Config) {
		c.Cache = &Cache{Port: hosttest.FreePort(t)}
		c.Abuse = &Abuse{Port: hosttest.FreePort(t), Tenants: []AbuseTenant{{Name: "shop"}}}
		c.LB = &LB{Port: hosttest.FreePort(t), Routes: []Route{{Service: "web"}}}
		withClerk(t)(c)
		c.applications["pinboard"] = pinboard.New
		c.Apps = append(c.Apps, App{Name: "pinboard", Port: hosttest.FreePort(t), Drain: Duration{time.Millisecond}})
	})
	exported := map[string]bool{"up": true, "scrape_duration_seconds": true} // the monitor's own
	descriptions := make(chan *prometheus.Desc, 1000)
	n.metrics.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		if m := regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String()); m != nil {
			exported[m[1]] = true
		}
	}
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	looked := rules.Metrics()
	for _, name := range looked {
		if !exported[name] && !exported[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")] {
			t.Errorf("a rule looks at %s, and nobody exports it", name)
		}
	}
	if len(looked) < 10 {
		t.Errorf("rules look at %v only", looked)
	}
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	for part, text := range map[string]string{"node": alertRules, "store": store.AlertRules(), "db": db.AlertRules(), "cache": cache.AlertRules()} {
		var file struct {
			Groups []struct {
				Rules []struct {
					Alert               string
					Labels, Annotations map[string]string
				}
			}
		}
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatal(part, err)
		}
		found := 0
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				if r.Alert == "" {
					continue
				}
				if found++; r.Annotations["summary"] == "" || r.Annotations["runbook"] == "" || r.Labels["severity"] == "" {
					t.Errorf("%s: %s says too little", part, r.Alert)
				}
			}
		}
		if found < 4 {
			t.Errorf("%s has %d alerts", part, found)
		}
	}
}

// TestANodeThatIsWellHasNoAlerts looks at itself until it has seen itself.
func TestANodeThatIsWellHasNoAlerts(t *testing.T) {
	n, url := begun(t)
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var active []map[string]any
		response, err := http.Get(url + "/alerts")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(response.Body).Decode(&active)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		families, err := n.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		led := false
		for _, f := range families {
			led = led || f.GetName() == "picloud_store_group_leader" && strings.Contains(f.String(), "value:1")
		}
		if led && len(active) == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("led %v, alerts %v", led, active)
		}
	}
}
