package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/mutant"
	"picloud/node/presence"
	"picloud/node/rpc"
	"picloud/node/wait"
	"picloud/node/wire"
)

// Client reads of the cache servers of a cloud, which it finds by their presence, and of the store where they do not help. It
// may be used by many goroutines, who do not change the answers: some share one.
type Client struct {
	store api.Store
	log   *slog.Logger
	call  func(ctx context.Context, server, method string, body []byte) ([]byte, error)
	close func()

	reads   *prometheus.CounterVec
	failed  prometheus.Counter
	serving prometheus.Gauge

	servers presence.Servers

	mu      sync.Mutex
	hot     map[string]time.Time // IDs of items, until when their reads are spread
	flights map[string]*flight   // by the item's ID
}

var _ Reader = (*Client)(nil)

// flight is a read for which others wait who want the same.
type flight struct {
	over  chan struct{} // closed when the rest is there
	found found
	err   error
}

// found is what was read.
type found struct {
	reply *api.Reply
	asOf  time.Time     // it was current at some instant after this
	limit time.Duration // how old it may be
	from  string
}

const (
	hotFor   = 5 * time.Second // a client spreads its reads of an item after a server has said that it is hot
	mostHot  = 1024
	tries    = 2                      // servers that are asked before the store is
	shareFor = 500 * time.Millisecond // how old what was read of the store may be for others who wait; less than any bound
	offerFor = time.Second            // for a server to take what was read
)

// NewClient returns a client, which knows servers while it runs and may be used until it is closed.
func NewClient(network host.Network, store api.Store, registry prometheus.Registerer, log *slog.Logger) (*Client, error) {
	checked := wire.Network{Network: network}
	peers := rpc.NewPeers(func(ctx context.Context, address string) (net.Conn, error) {
		return checked.DialContext(ctx, "tcp", address)
	})
	c := newClient(store, log, peers.Call)
	c.close = peers.Close
	var err error
	for _, collector := range []prometheus.Collector{c.reads, c.failed, c.serving} {
		err = errors.Join(err, registry.Register(collector))
	}
	if err != nil {
		return nil, fmt.Errorf("cache: register metrics: %w", err)
	}
	return c, nil
}

func newClient(store api.Store, log *slog.Logger, call func(ctx context.Context, server, method string, body []byte) ([]byte, error)) *Client {
	return &Client{store: store, log: log, call: call, close: func() {},
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_cache_client_reads_total",
			Help: "Reads by where their answer came from: cache, store, or shared (with another read of the same)."}, []string{"from"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_cache_client_failures_total",
			Help: "Questions that a cache server did not answer in time."}),
		serving: prometheus.NewGauge(prometheus.GaugeOpts{Name: "picloud_cache_client_servers", Help: "Cache servers that are known."}),
		hot:     map[string]time.Time{}, flights: map[string]*flight{}}
}

// Run follows which servers there are until the context ends. Those that were known last are asked after that.
func (c *Client) Run(ctx context.Context) { presence.Follow(ctx, c.store, c.log, Service, c.know) }

// Close ends all connections.
func (c *Client) Close() { c.close() }

func (c *Client) know(list []presence.Instance) { c.serving.Set(float64(c.servers.Know(list))) }

// Read answers operations, each as if it were alone; see Reader.
func (c *Client) Read(ctx context.Context, ops ...api.Op) ([]Answer, error) {
	if !c.servers.Any() {
		c.reads.WithLabelValues("store").Add(float64(len(ops)))
		return Direct(c.store).Read(ctx, ops...)
	}
	answers := make([]Answer, len(ops))
	err := wait.Together(len(ops), func(i int) error {
		a, err := c.read(ctx, ops[i])
		if err == nil {
			answers[i] = *a
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

func (c *Client) read(ctx context.Context, o api.Op) (*Answer, error) {
	i, err := newItem(o)
	if err != nil {
		return nil, err
	}
	invoked := time.Now()
	c.mu.Lock()
	f, mine := c.flights[i.id], false
	if f == nil {
		f, mine = &flight{over: make(chan struct{})}, true
		c.flights[i.id] = f
	}
	c.mu.Unlock()
	if mine {
		f.found, f.err = c.find(ctx, i)
		c.mu.Lock()
		delete(c.flights, i.id)
		c.mu.Unlock()
		close(f.over)
		return c.answer(f.found, f.err, invoked)
	}
	select {
	case <-f.over:
	case <-ctx.Done():
		return nil, api.Errorf(api.Unavailable, "read", o.Key, "%s", ctx.Err())
	}
	if f.err == nil && (f.found.asOf.After(invoked) || time.Since(f.found.asOf) <= f.found.limit) {
		c.reads.WithLabelValues("shared").Inc()
		return c.answer(f.found, nil, invoked)
	}
	found, err := c.find(ctx, i) // the other one's context may have ended
	return c.answer(found, err, invoked)
}

func (c *Client) answer(f found, err error, invoked time.Time) (*Answer, error) {
	if err != nil {
		return nil, err
	}
	a := &Answer{Result: f.reply.Results[0], Revision: f.reply.Revision, From: f.from}
	if !f.asOf.After(invoked) {
		a.Age = time.Since(f.asOf)
	}
	return a, nil
}

// find asks servers, and the store if they do not have it.
func (c *Client) find(ctx context.Context, i *item) (found, error) {
	servers, spread := c.rank(i)
	for _, server := range servers[:min(tries, len(servers))] {
		f, lease, err := c.ask(ctx, server, i, spread)
		switch {
		case ctx.Err() != nil:
			return found{}, api.Errorf(api.Unavailable, "read", i.op.Key, "%s", ctx.Err())
		case err != nil:
			c.leaveOut(server, err)
			continue
		case f != nil:
			c.reads.WithLabelValues("cache").Inc()
			return *f, nil
		}
		read, err := c.fromStore(ctx, i)
		if err == nil && lease != 0 {
			go c.offer(context.WithoutCancel(ctx), server, fillCall{id: []byte(i.id), token: lease, reply: read.reply.Encode()})
		}
		return read, err
	}
	return c.fromStore(ctx, i)
}

// ask asks a server. It returns what the server has, or a lease, or nothing.
func (c *Client) ask(ctx context.Context, server string, i *item, spread bool) (_ *found, lease uint64, _ error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	sent := time.Now()
	body, err := c.call(ctx, server, methodRead, (&readCall{id: []byte(i.id), spread: spread}).encode())
	if err != nil {
		return nil, 0, err
	}
	a, err := decodeAnswer(body)
	if err != nil {
		return nil, 0, err
	}
	if a.hot {
		c.heat(i.id)
	}
	f := &found{asOf: sent.Add(-a.age), limit: a.limit, from: server}
	if a.outcome != kept || !fresh(time.Since(f.asOf), a.limit) { // it was long under way
		return nil, a.token, nil
	}
	f.reply, err = decodeReply(a.reply)
	return f, 0, err
}

// fromStore reads of the store itself.
func (c *Client) fromStore(ctx context.Context, i *item) (found, error) {
	c.reads.WithLabelValues("store").Inc()
	asked := time.Now()
	reply, err := c.store.Txn(ctx, &api.Txn{Then: []api.Op{i.op}})
	return found{reply: reply, asOf: asked, limit: shareFor}, err
}

// offer gives a server what was read with its lease.
func (c *Client) offer(ctx context.Context, server string, call fillCall) {
	ctx, cancel := context.WithTimeout(ctx, offerFor)
	defer cancel()
	if _, err := c.call(ctx, server, methodFill, call.encode()); err != nil {
		c.leaveOut(server, err)
	}
}

// leaveOut asks a server nothing for a while.
func (c *Client) leaveOut(server string, err error) {
	c.failed.Inc()
	if c.servers.LeaveOut(server, outFor) {
		c.log.Warn("a cache server does not answer, and is left out for a while", "server", server, "error", err)
	}
}

// rank returns the servers to ask for an item, the first first. Each item has an order of its own, so that all clients ask
// the same one, and only what a server had moves when it goes. If the item is hot, its reads are spread over the first few.
func (c *Client) rank(i *item) (servers []string, spread bool) {
	servers, _ = c.servers.Rank(i.id)
	c.mu.Lock()
	defer c.mu.Unlock()
	until, hot := c.hot[i.id]
	if !hot || mutant.Planted == mutant.SingleHome {
		return servers, false
	}
	if time.Now().After(until) {
		delete(c.hot, i.id)
		return servers, false
	}
	if n := min(copies, len(servers)); n > 1 {
		first := rand.IntN(n)
		servers[0], servers[first] = servers[first], servers[0]
	}
	return servers, true
}

// heat spreads the reads of an item for a while.
func (c *Client) heat(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if len(c.hot) >= mostHot {
		for other, until := range c.hot {
			if now.After(until) {
				delete(c.hot, other)
			}
		}
	}
	if _, known := c.hot[id]; known || len(c.hot) < mostHot {
		c.hot[id] = now.Add(hotFor)
	}
}
