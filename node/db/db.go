// Package db is the database as applications see it: JSON documents over HTTP, and a subset of Redis'
// commands over RESP 2. README.md is for its users.
//
// Invariants:
//   - The package keeps no state that a client could miss: any node serves any request, and all that
//     lasts lies in the store. Watches and queued commands of a RESP connection end with it.
//   - What a request writes is one transaction of one partition.
//   - An error that is not of kind Unknown says that nothing was written.
//   - Rows of documents, of RESP keys and of idempotency keys cannot be taken for one another (keys.go).
package db

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/web"
)

// DB serves applications. It may be used by many goroutines.
type DB struct {
	config   Config
	store    api.Store
	log      *slog.Logger
	metrics  *metrics
	tokens   []credential
	commands map[string]*command
	locks    locks

	connections atomic.Int64 // of RESP, so far
	feeds       atomic.Int64 // that are open
}

// New returns a database on a store. Its metrics are registered with the registerer.
func New(config Config, store api.Store, registerer prometheus.Registerer, log *slog.Logger) (*DB, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(registerer)
	if err != nil {
		return nil, fmt.Errorf("db: register metrics: %w", err)
	}
	return &DB{config: config.withDefaults(), store: store, log: log, metrics: m, tokens: credentials(config.Tokens),
		commands: commands(), locks: newLocks()}, nil
}

// run runs a transaction. Its errors are plain about the effect: of a write it is Unknown unless the
// store's error says that there was none, and a read has no effect whatever happened to it.
func (d *DB) run(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	reply, err := d.store.Txn(ctx, t)
	if err != nil {
		return nil, api.TxnError(t, err)
	}
	return reply, nil
}

// observe notes what came of a request.
func (d *DB) observe(ctx context.Context, protocol, operation string, began time.Time, err error) {
	d.metrics.observe(protocol, operation, time.Since(began), api.KindOf(err))
	if err != nil && web.StatusOf(err) >= http.StatusInternalServerError && ctx.Err() == nil { // who went away is not missed
		d.log.ErrorContext(ctx, "a request failed", "protocol", protocol, "operation", operation, "kind", api.KindOf(err), "error", err)
	}
}
