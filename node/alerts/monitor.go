package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"picloud/node/host"
)

// What a monitor says in its log.
const (
	StartMessage  = "monitor starts" // alerts that stood before are forgotten
	ChangeMessage = "alert"          // an alert has changed its state: see Change
	TiersMessage  = "tiers"          // what tiers did so far: its attribute of the same name is a list of TierTotal
)

// Change is the attributes of ChangeMessage in the log.
type Change struct {
	Alert   string            `json:"alert"`
	State   State             `json:"state"`
	Labels  map[string]string `json:"labels"` // without the alert's name
	Value   string            `json:"value"`
	Summary string            `json:"summary"`
}

// Config says what a monitor looks at, and how often.
type Config struct {
	Machines []string // whose nodes are looked at
	Port     string   // where they serve their metrics
	Every    time.Duration
	Tiers    []Tier // whose requests are counted
}

// tiersEvery is how many rounds go by until the log says what tiers did.
const tiersEvery = 5

// Monitor looks at the metrics of nodes and says, in its log and on request, which alerts stand.
type Monitor struct {
	config  Config
	log     *slog.Logger
	client  http.Client
	targets []*target
	failed  prometheus.Counter

	mu        sync.Mutex // of the next two
	evaluator *Evaluator
	tally     *tally
}

// New returns a monitor.
func New(h *host.Host, c Config, r *Rules) *Monitor {
	m := &Monitor{
		config: c, log: h.Log, evaluator: NewEvaluator(r), tally: newTally(c.Tiers),
		// Metrics are small, and to press them costs a node more than to send them.
		client: http.Client{Transport: &http.Transport{DialContext: h.Network.DialContext, DisableCompression: true}},
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_monitor_failures_total",
			Help: "Rounds in which rules could not be evaluated."}),
	}
	for _, name := range c.Machines {
		m.targets = append(m.targets, newTarget(name, net.JoinHostPort(name, c.Port)))
	}
	return m
}

// Run looks, again and again, until the context ends. Its times rise whatever becomes of the wall clock.
func (m *Monitor) Run(ctx context.Context) error {
	defer m.client.CloseIdleConnections()
	m.log.Info(StartMessage, "machines", len(m.targets), "every", m.config.Every.String())
	began := time.Now()
	ticks := time.NewTicker(m.config.Every)
	defer ticks.Stop()
	for n := 1; ; n++ {
		m.round(ctx, began.Add(time.Since(began)))
		if n%tiersEvery == 0 && len(m.config.Tiers) > 0 {
			m.log.Info(TiersMessage, TiersMessage, m.Tiers())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// round asks all nodes at once and evaluates the rules.
func (m *Monitor) round(ctx context.Context, now time.Time) {
	limited, cancel := context.WithTimeout(ctx, m.config.Every)
	defer cancel()
	said := make([]model.Vector, len(m.targets))
	failed := make([]error, len(m.targets))
	var all sync.WaitGroup
	for i, t := range m.targets {
		all.Go(func() { said[i], failed[i] = t.ask(limited, &m.client, m.wants) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return // what did not answer was not asked to the end
	}
	m.mu.Lock()
	for i, t := range m.targets {
		t.scraped(m.evaluator.window, said[i], failed[i], now)
		m.tally.add(t.url, said[i])
	}
	changes, err := m.evaluator.Evaluate(ctx, now)
	m.mu.Unlock()
	for i := range changes {
		m.say(&changes[i])
	}
	if err != nil {
		m.failed.Inc()
		m.log.Error("rules could not be evaluated", "error", err.Error())
	}
}

// wants says whether anything is made of the series of a name.
func (m *Monitor) wants(name string) bool {
	return m.evaluator.window.wants(name) || m.tally.wants(name)
}

// Tiers returns what the tiers did since the monitor began.
func (m *Monitor) Tiers() []TierTotal {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tally.totals()
}

// say logs a change.
func (m *Monitor) say(a *Alert) {
	rest := map[string]string{}
	for name, value := range a.Labels {
		if name != "alertname" {
			rest[name] = value
		}
	}
	m.log.Info(ChangeMessage, "alert", a.Name, "state", string(a.State), "labels", rest,
		"value", strconv.FormatFloat(a.Value, 'g', -1, 64), "summary", a.Summary)
}

// ServeHTTP lists the alerts that are pending or firing.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	active := append([]Alert{}, m.evaluator.Active()...)
	m.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(active); err != nil {
		m.log.Warn("alerts could not be sent", "error", fmt.Sprint(err))
	}
}

// Describe is for prometheus.Collector.
func (m *Monitor) Describe(to chan<- *prometheus.Desc) { m.failed.Describe(to) }

// Collect is for prometheus.Collector.
func (m *Monitor) Collect(to chan<- prometheus.Metric) { m.failed.Collect(to) }

var (
	_ prometheus.Collector = (*Monitor)(nil)
	_ http.Handler         = (*Monitor)(nil)
)
