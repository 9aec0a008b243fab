// Package watch feeds the machine's watchdog while the node lives: as long as each of its loops ends a round every few seconds. A node that
// hangs, or whose disk does, is not fed for, and the board resets: a cure for hangs that nobody else sees, as long as Linux had started.
//
// Invariants: a loop ticks when it has done something, not when it was asked to; nobody feeds for a loop; a loop that needs other
// machines is none, as a network that parts would reset them all; the watchdog is disarmed by who ends the node, if that was meant.
package watch

import (
	"context"
	_ "embed"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/hw"
	"picloud/node/mutant"
)

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on the feeder, in Prometheus' format.
func AlertRules() string { return alertRules }

const (
	// pace is how often the watchdog is fed, and how long a loop rests between two rounds.
	pace = 3 * time.Second
	// lateAfter is how old a loop's last tick may be when the watchdog is fed.
	lateAfter = 5 * time.Second
)

// Shortest is the shortest timeout that leaves room for a round that comes late.
const Shortest = 10 * time.Second

// Loop is a part of the node that has to live.
type Loop struct {
	Name string
	// Round does what the part lives by, once. It may hang.
	Round func(ctx context.Context) error
}

// Feeder feeds a watchdog.
type Feeder struct {
	dog   hw.Watchdog
	loops []Loop
	log   *slog.Logger

	mu    sync.Mutex
	ticks []time.Time // of each loop, the last one
	errs  []error     // of each loop, of its last round
	late  map[string]bool

	fed, withheld prometheus.Counter
	isLate        *prometheus.GaugeVec
}

// New returns a feeder of a watchdog that has been started.
func New(dog hw.Watchdog, loops []Loop, log *slog.Logger) *Feeder {
	f := &Feeder{dog: dog, loops: loops, log: log, ticks: make([]time.Time, len(loops)), errs: make([]error, len(loops)), late: map[string]bool{},
		fed: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_watchdog_fed_total", Help: "How often the watchdog was fed."}),
		withheld: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_watchdog_withheld_total",
			Help: "How often the watchdog was not fed as a loop was late, or could not be."}),
		isLate: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "picloud_watchdog_loop_late", Help: "1 if the loop was late when the watchdog was to be fed."},
			[]string{"loop"})}
	for _, l := range loops {
		f.isLate.WithLabelValues(l.Name).Set(0)
	}
	return f
}

// Collectors returns what is counted.
func (f *Feeder) Collectors() []prometheus.Collector {
	return []prometheus.Collector{f.fed, f.withheld, f.isLate}
}

// Run feeds the watchdog until the context ends. It does not wait for a loop that hangs.
func (f *Feeder) Run(ctx context.Context) error {
	for i := range f.loops {
		go f.watch(ctx, i)
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.feed()
		}
	}
}

// watch goes round with a loop, one round after the other.
func (f *Feeder) watch(ctx context.Context, i int) {
	for ctx.Err() == nil {
		err := f.loops[i].Round(ctx)
		f.mu.Lock()
		f.errs[i] = err
		if err == nil {
			f.ticks[i] = time.Now()
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(pace):
		}
	}
}

// feed feeds the watchdog if no loop is late.
func (f *Feeder) feed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	well := true
	for i, l := range f.loops {
		late := time.Since(f.ticks[i]) > lateAfter && mutant.Planted != mutant.TimerFed
		if late {
			well = false
			f.isLate.WithLabelValues(l.Name).Set(1)
		} else {
			f.isLate.WithLabelValues(l.Name).Set(0)
		}
		if late && !f.late[l.Name] {
			f.log.Error("the watchdog is not fed: a loop of the node is late", "loop", l.Name, "resets_in_at_most", f.dog.Timeout().String(), "error", text(f.errs[i]))
		}
		if !late && f.late[l.Name] {
			f.log.Info("the loop lives", "loop", l.Name)
		}
		f.late[l.Name] = late
	}
	if !well {
		f.withheld.Inc()
		return
	}
	if err := f.dog.Feed(); err != nil {
		f.log.Error("the watchdog does not take what it is fed", "error", err.Error())
		f.withheld.Inc()
		return
	}
	f.fed.Inc()
}

func text(err error) string {
	if err == nil {
		return "its round has not ended"
	}
	return err.Error()
}
