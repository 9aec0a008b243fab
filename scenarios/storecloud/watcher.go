package storecloud

import (
	"context"
	"log/slog"
	"time"

	"picloud/node/api"
	"picloud/node/host"
)

// watcher watches some partitions of lists from their groups' first revision on, and says in the log what
// it is told.
type watcher struct {
	store      api.Store
	log        *slog.Logger
	config     *ClientConfig
	name       string
	partitions []string
}

// newWatcher returns the watcher of a machine's share of the partitions: all of them are watched on each
// machine, so that what two watchers were told can be compared.
func newWatcher(s api.Store, h *host.Host, c *ClientConfig, n int) *watcher {
	w := &watcher{store: s, log: h.Log, config: c, name: h.Name}
	for p := n; p < c.Partitions; p += c.Watchers {
		w.partitions = append(w.partitions, partition(p))
	}
	return w
}

func (w *watcher) run(ctx context.Context) {
	for _, p := range w.partitions {
		go w.watch(ctx, p)
	}
	select {
	case <-ctx.Done():
	case <-time.After(w.end() - w.config.SinceStart()):
	}
}

// end is when watchers stop: a while after the last transaction on a list has ended.
func (w *watcher) end() time.Duration { return w.config.Until + w.config.Timeout/2 }

// watch follows one partition until the run is over.
func (w *watcher) watch(ctx context.Context, p string) {
	w.log.Info("watching", "watcher", w.name, "partition", p)
	next := uint64(1)
	for ctx.Err() == nil && w.config.SinceStart() < w.end() {
		limited, cancel := context.WithTimeout(ctx, w.config.Timeout)
		found, err := w.store.Events(limited, &api.Watch{Key: p, From: next})
		cancel()
		if err != nil {
			w.log.Info("watch failed", "watcher", w.name, "partition", p, "from", next, "error", err.Error())
			time.Sleep(w.config.Pause)
			continue
		}
		for i := range found.Events {
			e := &found.Events[i]
			w.log.Info("watched", "watcher", w.name, "partition", p, "revision", e.Revision, "key", e.Record.Key, "value", string(e.Record.Value))
		}
		next = found.Next
	}
}
