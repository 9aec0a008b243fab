package command_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"picloud/scenarios/command"
	"picloud/scenarios/command/uptest"
)

// prometheus is a Prometheus that runs.
type prometheus struct {
	t   *testing.T
	url string
	mu  sync.Mutex
	log bytes.Buffer
}

// Write is for its log.
func (p *prometheus) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(text)
}

func (p *prometheus) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// startPrometheus runs a Prometheus until the test ends, or the test's program does.
func startPrometheus(t *testing.T, config string) *prometheus {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p := &prometheus{t: t, url: "http://" + address}
	cmd := exec.Command("prometheus", "--config.file", config, "--storage.tsdb.path", filepath.Join(t.TempDir(), "data"), "--web.listen-address", address)
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // the thread that starts it is locked by the cloud
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("prometheus ended with %v", err)
		}
	})
	return p
}

// get returns what it answers to a path, and whether it does.
func (p *prometheus) get(path string) (string, bool) {
	answer, err := http.Get(p.url + path)
	if err != nil {
		return "", false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err == nil && answer.StatusCode == http.StatusOK
}

// ask reads the data that its API answers, and says whether it does.
func (p *prometheus) ask(path string, into any) bool {
	text, is := p.get(path)
	return is && json.Unmarshal([]byte(text), &struct{ Data any }{into}) == nil
}

// waitUntil waits for a condition, which says what is still missing.
func (p *prometheus) waitUntil(missing func() string) {
	p.t.Helper()
	for until := time.Now().Add(5 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(until) {
			p.t.Fatalf("%s; it says\n%s", what, p.said())
		}
	}
}

// scraped says what is missing until each node has been scraped.
func (p *prometheus) scraped(nodes int) string {
	var targets struct {
		ActiveTargets []struct{ Health, LastError string }
	}
	if !p.ask("/api/v1/targets", &targets) || len(targets.ActiveTargets) != nodes {
		return fmt.Sprintf("its targets are %+v", targets)
	}
	for _, target := range targets.ActiveTargets {
		if target.Health != "up" {
			return fmt.Sprintf("a target is %+v", target)
		}
	}
	return ""
}

// evaluated says what is missing until each rule has been evaluated since some time.
func (p *prometheus) evaluated(since time.Time) string {
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Name, Health, LastError string
				LastEvaluation          time.Time
			}
		}
	}
	if !p.ask("/api/v1/rules", &rules) || len(rules.Groups) < 9 {
		return fmt.Sprintf("its groups of rules are %+v", rules)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" || r.LastEvaluation.Before(since) {
				return fmt.Sprintf("%s: the rule %s is %q: %s", g.Name, r.Name, r.Health, r.LastError)
			}
		}
	}
	return ""
}

// troubles are counters of a Prometheus itself that stay at zero if what it scrapes and evaluates is right.
var troubles = regexp.MustCompile(`(?m)^(prometheus_target_scrapes_sample_(?:duplicate_timestamp|out_of_order|out_of_bounds)_total|` +
	`prometheus_target_scrapes_exceeded_\w+_total|prometheus_rule_evaluation_failures_total\S*) (\S+)$`)

// TestAPrometheusTakesTheMonitorsPlace: with the files that picloud alerts exports it scrapes a cloud and evaluates the rules, and has
// nothing to complain of.
func TestAPrometheusTakesTheMonitorsPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("a cloud of real processes takes its time")
	}
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Skip("no prometheus: Debian's package prometheus has one")
	}
	cloud := uptest.New(t)
	cloud.Up()
	var nodes []string
	for i := 1; i <= 3; i++ {
		nodes = append(nodes, fmt.Sprintf("pi-%d=127.0.0.%d:%s", i, i, cloud.Ports["http"]))
	}
	folder := t.TempDir()
	if err := command.Alerts(t.Context(), []string{"-export", folder, "-nodes", strings.Join(nodes, ",")}); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(folder, "prometheus.yml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, bytes.ReplaceAll(text, []byte("5s"), []byte("1s")), 0o644); err != nil { // the test has less patience
		t.Fatal(err)
	}
	p := startPrometheus(t, config)
	p.waitUntil(func() string { return p.scraped(len(nodes)) })
	seen := time.Now()
	p.waitUntil(func() string { return p.evaluated(seen.Add(5 * time.Second)) })
	own, _ := p.get("/metrics")
	counters := troubles.FindAllStringSubmatch(own, -1)
	if len(counters) < 5 {
		t.Errorf("its counters of troubles are %q", counters)
	}
	for _, c := range counters {
		if c[2] != "0" {
			t.Errorf("%s is %s", c[1], c[2])
		}
	}
	for line := range strings.Lines(p.said()) {
		if regexp.MustCompile(`(?i)level=(warn|error)`).MatchString(line) {
			t.Errorf("it complains: %s", line)
		}
	}
}
