package node

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"slices"

	"github.com/prometheus/common/model"

	"picloud/hw"
	"picloud/node/abuse"
	"picloud/node/alerts"
	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/blob"
	"picloud/node/cache"
	"picloud/node/db"
	"picloud/node/health"
	"picloud/node/lambda"
	"picloud/node/lb"
	"picloud/node/pinboard"
	"picloud/node/proof"
	"picloud/node/queue"
	"picloud/node/store"
	"picloud/node/watch"
	"picloud/node/web"
)

// What is about more than one part, or about the machine.
var (
	//go:embed alerts.yaml
	alertRules string
	//go:embed levels.yaml
	levelRules string
	//go:embed inhibit.yaml
	inhibitRules string
)

// RuleFiles returns the files of rules of all parts of a node, in Prometheus' format. Each has the name of what it watches.
func RuleFiles() []alerts.File {
	return []alerts.File{
		{Name: "node", Text: []byte(alertRules)},
		{Name: "hw", Text: []byte(hw.AlertRules())},
		{Name: "watch", Text: []byte(watch.AlertRules())},
		{Name: "health", Text: []byte(health.AlertRules())},
		{Name: "store", Text: []byte(store.AlertRules())},
		{Name: "db", Text: []byte(db.AlertRules())},
		{Name: "lb", Text: []byte(lb.AlertRules())},
		{Name: "abuse", Text: []byte(abuse.AlertRules())},
		{Name: "cache", Text: []byte(cache.AlertRules())},
		{Name: "queue", Text: []byte(queue.AlertRules())},
		{Name: "app", Text: []byte(app.AlertRules())},
		{Name: "lambda", Text: []byte(lambda.AlertRules())},
		{Name: "blob", Text: []byte(blob.AlertRules())},
		{Name: "proof", Text: []byte(proof.AlertRules())},
		{Name: "pinboard", Text: []byte(pinboard.AlertRules())},
		{Name: "levels", Text: []byte(levelRules)},
	}
}

// InhibitionFile returns which alerts do not page while others fire, in Alertmanager's format.
func InhibitionFile() alerts.File { return alerts.File{Name: "inhibit", Text: []byte(inhibitRules)} }

// Rules returns the rules of all parts of a node, by which a monitor says which alerts stand.
func Rules() (*alerts.Rules, error) { return alerts.Parse(RuleFiles()...) }

// tiers says by which metrics the requests of each tier are counted.
func tiers() []alerts.Tier {
	return []alerts.Tier{
		{Name: "lb", Requests: "picloud_lb_requests_total", Failed: alerts.ServerErrors, Seconds: "picloud_lb_request_seconds"},
		{Name: "app", Requests: "picloud_app_requests_total", Failed: alerts.ServerErrors, Seconds: "picloud_app_request_seconds"},
		{Name: "cache", Requests: "picloud_cache_requests_total", Failed: cache.Failed, Seconds: "picloud_cache_request_seconds"},
		{Name: "abuse", Requests: "picloud_abuse_requests_total", Failed: abuse.Failed, Seconds: "picloud_abuse_request_seconds"},
		{Name: "lambda", Requests: "picloud_lambda_runs_total", Failed: lambda.Failed, Seconds: "picloud_lambda_run_seconds"},
		{Name: "queue", Requests: "picloud_queue_requests_total", Failed: storeErrors, Seconds: "picloud_queue_request_seconds"},
		{Name: "db", Requests: "picloud_store_requests_total", Failed: storeErrors, Seconds: "picloud_store_request_seconds"},
	}
}

// storeErrors tells of a series with the label kind whether it counts requests that the store, or a queue, could not do. A member that does not
// lead says so, and is no failure.
func storeErrors(labels model.Metric) bool {
	switch api.Kind(labels["kind"]) {
	case api.Unavailable, api.Unknown, api.Internal, api.Damaged, api.Lost:
		return true
	}
	return false
}

// beginMonitor starts the monitor, which serves what it knows beside the metrics.
func (n *node) beginMonitor(mux *http.ServeMux, run func(string, func(context.Context) error)) error {
	rules, err := Rules()
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	inhibit, err := alerts.ParseInhibitions(InhibitionFile())
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	machines := slices.Clone(n.config.Monitor.Machines)
	if len(machines) == 0 {
		machines = slices.Clone(n.config.Nodes)
	}
	if !slices.Contains(machines, n.host.Name) {
		machines = append(machines, n.host.Name)
	}
	m := alerts.New(n.host, alerts.Config{Machines: machines, Port: n.config.HTTP, Every: n.config.Monitor.Every.Duration, Tiers: tiers()}, rules, inhibit)
	if err := n.metrics.Register(m); err != nil {
		return fmt.Errorf("node: metrics of the monitor: %w", err)
	}
	n.monitor = m
	mux.Handle("/alerts", web.ReadOnly(m))
	run("monitor", m.Run)
	return nil
}
