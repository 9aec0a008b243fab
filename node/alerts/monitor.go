package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"picloud/node/host"
)

// What a monitor says in its log.
const (
	StartMessage  = "monitor starts" // alerts that stood before are forgotten
	ChangeMessage = "alert"          // an alert has changed its state: see Change
	PageMessage   = "page"           // an alert begins to page, or ends to: see PageChange
	TiersMessage  = "tiers"          // what tiers did so far: its attribute of the same name is a list of TierTotal
)

// Change is the attributes of ChangeMessage in the log.
type Change struct {
	Alert   string            `json:"alert"`
	State   State             `json:"state"`
	Labels  map[string]string `json:"labels"` // without the alert's name
	Value   string            `json:"value"`
	Summary string            `json:"summary"`

	Class       string `json:"class,omitempty"`
	InhibitedBy string `json:"inhibited_by,omitempty"` // when it changed
}

// PageChange is the attributes of PageMessage in the log.
type PageChange struct {
	Page    string `json:"page"` // the alert's title
	Begins  bool   `json:"begins"`
	Summary string `json:"summary"`
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
	inhibit *Inhibitions
	failed  prometheus.Counter
	pages   prometheus.Gauge

	mu        sync.Mutex // of the next three
	evaluator *Evaluator
	active    []Alert // by the last evaluation, with what inhibits them
	tally     *tally
}

// New returns a monitor.
func New(h *host.Host, c Config, r *Rules, inhibit *Inhibitions) *Monitor {
	m := &Monitor{
		config: c, log: h.Log, evaluator: NewEvaluator(r), active: []Alert{}, tally: newTally(c.Tiers), inhibit: inhibit,
		// Metrics are small, and to press them costs a node more than to send them.
		client: http.Client{Transport: &http.Transport{DialContext: h.Network.DialContext, DisableCompression: true}},
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_monitor_failures_total",
			Help: "Rounds in which rules could not be evaluated."}),
		pages: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_monitor_pages",
			Help: "Alerts that page: they fire, are urgent, and no other one is their cause."}),
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
	changes, err := m.evaluator.Evaluate(context.WithoutCancel(ctx), now) // who stops does not find that rules fail
	before := m.active
	m.active = append([]Alert{}, m.evaluator.Active()...)
	m.inhibit.apply(m.active)
	active := m.active
	m.mu.Unlock()
	for i := range changes {
		m.say(&changes[i], active)
	}
	m.sayPages(before, active)
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

// say logs a change, with what inhibits the alert among those that stand.
func (m *Monitor) say(a *Alert, active []Alert) {
	rest := maps.Clone(a.Labels)
	delete(rest, labels.AlertName)
	delete(rest, ClassLabel)
	attributes := []any{"alert", a.Name, "state", string(a.State), "labels", rest,
		"value", strconv.FormatFloat(a.Value, 'g', -1, 64), "summary", a.Summary, "class", a.Labels[ClassLabel]}
	for i := range active {
		if b := &active[i]; b.Inhibited && maps.Equal(a.Labels, b.Labels) {
			attributes = append(attributes, "inhibited_by", b.InhibitedBy)
		}
	}
	m.log.Info(ChangeMessage, attributes...)
}

// sayPages logs which alerts page that did not, and the other way round.
func (m *Monitor) sayPages(before, now []Alert) {
	m.pages.Set(float64(len(paging(now))))
	for _, of := range []struct {
		all, without []Alert
		begins       bool
	}{{now, before, true}, {before, now, false}} {
		without := paging(of.without)
		for _, a := range paging(of.all) {
			if !slices.ContainsFunc(without, func(b Alert) bool { return maps.Equal(a.Labels, b.Labels) }) {
				m.log.Info(PageMessage, "page", a.Title(), "begins", of.begins, "summary", a.Summary)
			}
		}
	}
}

// paging returns those that page.
func paging(all []Alert) []Alert {
	return slices.DeleteFunc(slices.Clone(all), func(a Alert) bool { return !a.Pages() })
}

// Active returns the alerts that are pending or firing, in the order of the rules.
func (m *Monitor) Active() []Alert {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.active
}

// ServeHTTP lists the alerts that are pending or firing.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(m.Active()); err != nil {
		m.log.Warn("alerts could not be sent", "error", fmt.Sprint(err))
	}
}

// Describe is for prometheus.Collector.
func (m *Monitor) Describe(to chan<- *prometheus.Desc) {
	m.failed.Describe(to)
	m.pages.Describe(to)
}

// Collect is for prometheus.Collector.
func (m *Monitor) Collect(to chan<- prometheus.Metric) {
	m.failed.Collect(to)
	m.pages.Collect(to)
}

var (
	_ prometheus.Collector = (*Monitor)(nil)
	_ http.Handler         = (*Monitor)(nil)
)
