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

	"picloud/node/alerts"
	"picloud/node/host"
	"picloud/node/host/hosttest"
)

// begun starts a node, and returns it with where it serves HTTP.
func begun(t *testing.T, more ...func(*Config)) (*node, string) {
	t.Helper()
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Machines: map[string]string{"pi-1": "127.0.0.1"}, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h.Log, h.Hardware = slog.New(slog.DiscardHandler), fullyMetered()
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
	n := &node{host: h, config: c, metrics: prometheus.NewRegistry(), asked: func() bool { return true }}
	kept, end := context.WithCancel(context.Background()) // the store ends last: the others say good-bye there
	ctx, stop := context.WithCancel(kept)
	var all, last sync.WaitGroup
	runs := func(ctx context.Context, all *sync.WaitGroup) func(string, func(context.Context) error) {
		return func(_ string, serve func(context.Context) error) { all.Go(func() { serve(ctx) }) }
	}
	err = n.begin(ctx, runs(ctx, &all), runs(kept, &last))
	t.Cleanup(func() {
		stop()
		all.Wait()
		end()
		last.Wait()
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, "http://127.0.0.1:" + c.HTTP
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, r := range rules.Alerts() {
		if named[r.Name] {
			t.Errorf("there are two rules %s", r.Name)
		}
		named[r.Name] = true
		if r.Summary == "" || r.Runbook == "" {
			t.Errorf("%s says too little", r.Name)
		}
		if s := r.Labels[alerts.SeverityLabel]; s != alerts.Page && s != alerts.Ticket {
			t.Errorf("%s has the severity %q", r.Name, s)
		}
		if c := r.Labels[alerts.ClassLabel]; c != alerts.Symptom && c != alerts.Cause {
			t.Errorf("%s is of the class %q", r.Name, c)
		}
	}
	if len(named) < 40 {
		t.Errorf("there are %d alerts", len(named))
	}
	for _, name := range regexp.MustCompile(`\b(Node|Store|Picloud|Clock|Disk|Memory|Monitor)[A-Z]\w+`).FindAllString(inhibitRules, -1) {
		if !named[name] {
			t.Errorf("an inhibition is about %s, which no rule raises", name)
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
