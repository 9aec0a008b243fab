package db

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheReadmeNamesAllCommands(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "README.md"), "<!-- commands -->")
	table, _, _ = strings.Cut(table, "<!-- end of commands -->")
	table = regexp.MustCompile(`\(.*?\)`).ReplaceAllString(table, "")
	var named, known []string
	for _, word := range regexp.MustCompile(`\b[A-Z]+\b`).FindAllString(table, -1) {
		named = append(named, strings.ToLower(word))
	}
	for name := range commands() {
		known = append(known, name)
	}
	slices.Sort(named)
	slices.Sort(known)
	if !slices.Equal(named, known) {
		t.Errorf("named %v\nknown %v", named, known)
	}
}

// TestAlertsLookAtMetricsThatExist: a misspelt alert never fires.
func TestAlertsLookAtMetricsThatExist(t *testing.T) {
	l := newLab(t, Config{})
	l.ask(t, "GET", "/v1/app/a", "")
	families, err := l.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range families {
		known[f.GetName()] = true
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Record, Alert, Expr, For string
				Labels, Annotations      map[string]string
			}
		}
	}
	text := read(t, "alerts.yaml")
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	alerts := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			for _, name := range regexp.MustCompile(`picloud_db[\w:]+`).FindAllString(r.Expr, -1) {
				if name = strings.TrimSuffix(name, "_bucket"); !known[name] {
					t.Errorf("%s%s looks at %s", r.Record, r.Alert, name)
				}
			}
			if known[r.Record] = true; r.Alert == "" {
				continue
			}
			if alerts++; r.Annotations["summary"] == "" || r.Annotations["runbook"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s says too little", r.Alert)
			}
		}
	}
	if alerts < 4 {
		t.Errorf("%d alerts", alerts)
	}
}
