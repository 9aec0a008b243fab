// Package mirror keeps who needs them told of rows of the store, and says how old what it has told may be.
//
// Invariants:
//   - Each change is told, or a later one of the same row. Who minds the order leaves out rows of Next and later, which come again.
//   - All that was acknowledged before Current was told: the store is asked for changes, and answers when a majority has
//     confirmed, after it was asked, that nobody has taken the leader's place.
//   - No clock but that of this process counts, and of it only how fast it runs.
package mirror

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// Source is the store, with the feed of its changes.
type Source interface {
	api.Store
	api.Feed
}

// News is what has become of the rows.
type News struct {
	Anew bool         // all that was told before is void: these are all rows that there are
	Rows []api.Record // as they are now, in the order of their keys
	Gone []string     // keys
	// Next: changes of this revision and later ones are told again, in News that come.
	Next uint64
}

// Config says which rows are followed.
type Config struct {
	Prefixes []string      // of the keys, all of one partition
	Bound    time.Duration // how old who is told wants to be at most, when all is well
}

// Mirror follows rows.
type Mirror struct {
	config    Config
	partition string
	source    Source
	log       *slog.Logger
	tell      func(News)

	mu      sync.Mutex
	current time.Time
}

const (
	attempt = 5 * time.Second        // for one read of the store
	again   = 500 * time.Millisecond // between a call that failed and the next
	pace    = 50 * time.Millisecond  // the store is asked for changes at most once in this time
	page    = 1000                   // rows that are read at a time
	atOnce  = 64                     // rows that have changed and are read at a time
)

// New returns a mirror. Tell is called by one goroutine at a time and may not keep what it is given.
func New(c Config, source Source, log *slog.Logger, tell func(News)) (*Mirror, error) {
	if len(c.Prefixes) == 0 || c.Bound <= 0 {
		return nil, fmt.Errorf("mirror: it has prefixes and a bound, not %q and %s", c.Prefixes, c.Bound)
	}
	m := &Mirror{config: c, source: source, log: log, tell: tell, partition: api.Partition(c.Prefixes[0])}
	for _, p := range c.Prefixes {
		if api.Partition(p) != m.partition || !strings.Contains(p, "/") {
			return nil, fmt.Errorf("mirror: %q does not lie in the partition %q", p, m.partition)
		}
	}
	return m, nil
}

// Current returns a time before which all that was acknowledged has been told; the zero time before anything was told.
func (m *Mirror) Current() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// Run follows the rows until the context ends.
func (m *Mirror) Run(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		err := m.follow(ctx, func() { failing = false })
		if ctx.Err() != nil {
			return
		}
		if !failing {
			m.log.WarnContext(ctx, "rows are followed anew", "partition", m.partition, "error", err)
		}
		failing = true
		wait.For(ctx, again)
	}
}

// follow reads what there is, and then what changes, until the changes are not known any more. A call that fails is made again.
func (m *Mirror) follow(ctx context.Context, well func()) error {
	found, err := m.changes(ctx, &api.Follow{Partitions: []string{m.partition}})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := m.readAll(ctx, found.Next); err != nil {
		return err
	}
	m.told(began)
	call := &api.Follow{Partitions: []string{m.partition}, From: found.Next, Wait: min(m.config.Bound/4, api.MaxFollowWait)}
	for {
		well()
		began := time.Now()
		found, err := m.changes(ctx, call)
		if err == nil {
			err = m.read(ctx, found)
		}
		switch kind := api.KindOf(err); {
		case ctx.Err() != nil:
			return ctx.Err()
		case kind == api.Compacted || kind == api.Future || kind == api.WrongGroup:
			return err
		case err != nil:
			wait.For(ctx, pace)
			continue
		}
		call.From = found.Next
		if found.Current {
			m.told(found.Asked)
		}
		wait.For(ctx, pace-time.Since(began))
	}
}

func (m *Mirror) told(current time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = current
}

func (m *Mirror) changes(ctx context.Context, call *api.Follow) (*api.Changes, error) {
	ctx, cancel := context.WithTimeout(ctx, call.Wait+attempt)
	defer cancel()
	return m.source.Follow(ctx, call)
}

func (m *Mirror) txn(ctx context.Context, ops []api.Op) (*api.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	return m.source.Txn(ctx, &api.Txn{Then: ops})
}

// readAll reads all rows that there are.
func (m *Mirror) readAll(ctx context.Context, next uint64) error {
	var rows []api.Record
	for _, prefix := range m.config.Prefixes {
		found, err := api.Pages(prefix, page, func(o api.Op) (*api.Reply, error) { return m.txn(ctx, []api.Op{o}) })
		if err != nil {
			return err
		}
		rows = append(rows, found...)
	}
	m.tell(News{Anew: true, Rows: rows, Next: next})
	return nil
}

// read reads the rows that have changed. What is read is not older than the changes.
func (m *Mirror) read(ctx context.Context, found *api.Changes) error {
	var keys []string
	for i := range found.Changes {
		if key := found.Changes[i].Key; m.follows(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	news := News{Next: found.Next}
	for part := range slices.Chunk(slices.Compact(keys), atOnce) {
		ops := make([]api.Op, len(part))
		for i, key := range part {
			ops[i] = api.Op{Kind: api.Get, Key: key}
		}
		reply, err := m.txn(ctx, ops)
		if err != nil {
			return err
		}
		for i, key := range part {
			if found := reply.Results[i].Records; len(found) > 0 {
				news.Rows = append(news.Rows, found[0])
			} else {
				news.Gone = append(news.Gone, key)
			}
		}
	}
	if len(news.Rows)+len(news.Gone) > 0 {
		m.tell(news)
	}
	return nil
}

func (m *Mirror) follows(key string) bool {
	return slices.ContainsFunc(m.config.Prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}
