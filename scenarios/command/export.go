package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"picloud/node"
	"picloud/node/alerts/dashboards"
)

// prometheusConfig is what a Prometheus needs to do what a monitor does; what it scrapes comes after it.
const prometheusConfig = `global:
  scrape_interval: 5s
  evaluation_interval: 5s
rule_files: [rules/*.yaml]
scrape_configs:
  - job_name: picloud
    static_configs:
`

// exportMonitoring writes files for Prometheus, Alertmanager and Grafana into a folder.
func exportMonitoring(folder, nodes string) error {
	list, err := targets(nodes)
	if err != nil {
		return err
	}
	config := prometheusConfig
	for _, t := range list {
		config += fmt.Sprintf("      - {targets: [%q], labels: {instance: %q}}\n", t.address, t.name)
	}
	files := map[string]string{"prometheus.yml": config, "inhibit.yaml": string(node.InhibitionFile().Text)}
	for _, f := range node.RuleFiles() {
		files[filepath.Join("rules", f.Name+".yaml")] = string(f.Text)
	}
	boards, err := dashboards.Files()
	if err != nil {
		return fmt.Errorf("alerts: %w", err)
	}
	for name, text := range boards {
		files[filepath.Join("dashboards", name)] = text
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("alerts: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("alerts: %w", err)
		}
	}
	where := func(name string) string { return filepath.Join(folder, name) }
	fmt.Print(strings.Join([]string{
		where("prometheus.yml") + "  scrapes the nodes and loads the rules: prometheus --config.file " + where("prometheus.yml"),
		where("inhibit.yaml") + "  stands in Alertmanager's configuration beside its route and receivers",
		where("dashboards") + "  is what Grafana imports, or is provisioned with",
	}, "\n") + "\n")
	return nil
}
