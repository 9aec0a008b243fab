package pinboard

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
)

// How many things that take a core or much memory are done at a time, and how many wait. A login takes a core of a Pi 4 for
// about a second; an upload may take maxUpload of memory from its first byte to its answer.
const (
	passwordsAtOnce  = 2
	passwordsWaiting = 8
	picturesAtOnce   = 1
	picturesWaiting  = 8
	uploadsAtOnce    = 16
	uploadsWaiting   = 32
)

// patience is how long somebody waits at a gate. Who waits for longer than people do is served when they have gone, and comes
// again: then all that is done is in vain, and goes on to be.
const patience = 2 * time.Second

// gate lets some in at a time and some wait, and refuses the others.
type gate struct {
	what    string
	slots   chan struct{}
	most    int64
	waiting atomic.Int64
	gauge   prometheus.Gauge
	refused prometheus.Counter
}

func newGate(what string, atOnce, waiting int, m *metrics) *gate {
	return &gate{what: what, slots: make(chan struct{}, atOnce), most: int64(waiting), gauge: m.waiting.WithLabelValues(what),
		refused: m.turnedAway.WithLabelValues(what)}
}

// through does something once there is room.
func (g *gate) through(ctx context.Context, do func() error) error {
	select {
	case g.slots <- struct{}{}:
	default:
		if err := g.wait(ctx); err != nil {
			return err
		}
	}
	defer func() { <-g.slots }()
	return do()
}

func (g *gate) wait(ctx context.Context) error {
	n := g.waiting.Add(1)
	g.gauge.Inc()
	defer func() { g.waiting.Add(-1); g.gauge.Dec() }()
	if n > g.most {
		g.refused.Inc()
		return api.Errorf(api.Unavailable, "work on", g.what, "%d wait already", g.most)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		g.refused.Inc()
		return api.Errorf(api.Unavailable, "work on", g.what, "too many wait: %s", ctx.Err())
	}
}
