package abuse

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/mirror"
	"picloud/node/presence"
	"picloud/node/web"
	"picloud/node/wire"
)

// Client asks the abuse servers of a cloud, which it finds by their presence, and keeps the lists of some tenants beside the
// application. It may be used by many goroutines.
type Client struct {
	source    mirror.Source
	log       *slog.Logger
	transport http.RoundTripper
	idle      func()
	tenants   map[string]*listed

	verdicts *prometheus.CounterVec
	failed   prometheus.Counter

	servers presence.Servers

	mu     sync.Mutex
	behind sync.WaitGroup // offences that are being said
	saying int
}

// listed are the lists of a tenant.
type listed struct {
	lists  *lists
	mirror *mirror.Mirror
}

var _ Guard = (*Client)(nil)

const (
	askFor     = Deadline / 2    // for a server to answer; then another one is asked
	outFor     = 2 * time.Second // a server that has not answered is asked last
	sayFor     = 2 * time.Second // for an offence to be said
	mostSaying = 64              // offences at a time; more are not said
	maxAnswer  = 1 << 16
)

// NewClient returns a client for some tenants, which knows servers and lists while it runs.
func NewClient(network host.Network, source mirror.Source, tenants []string, registry prometheus.Registerer, log *slog.Logger) (*Client, error) {
	transport := &http.Transport{DialContext: wire.Network{Network: network}.DialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true}
	c, err := newClient(source, tenants, transport, log)
	if err != nil {
		return nil, err
	}
	c.idle = transport.CloseIdleConnections
	for _, collector := range []prometheus.Collector{c.verdicts, c.failed, &listAges{c}} {
		err = errors.Join(err, registry.Register(collector))
	}
	if err != nil {
		return nil, fmt.Errorf("abuse: register metrics: %w", err)
	}
	return c, nil
}

func newClient(source mirror.Source, tenants []string, transport http.RoundTripper, log *slog.Logger) (*Client, error) {
	c := &Client{source: source, log: log, transport: transport, idle: func() {}, tenants: map[string]*listed{},
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "picloud_abuse_client_verdicts_total",
			Help: "What applications were told of events, by what somebody wanted, what was decided and why."}, []string{"what", "decision", "reason"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "picloud_abuse_client_failures_total",
			Help: "Questions that an abuse server did not answer in time."})}
	for _, what := range []What{Register, Login, Post} {
		c.verdicts.WithLabelValues(string(what), string(Quarantine), string(Undecided)) // it begins at 0, so that its first rise is seen
	}
	for _, name := range tenants {
		rules, err := NewRules(source, name)
		if err != nil {
			return nil, err
		}
		l := &listed{lists: newLists()}
		if l.mirror, err = mirror.New(mirror.Config{Prefixes: []string{rules.key(rowList, "")}, Bound: ListBound}, source, log, l.lists.told); err != nil {
			return nil, err
		}
		c.tenants[name] = l
	}
	return c, nil
}

// Run follows servers and lists until the context ends.
func (c *Client) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, l := range c.tenants {
		all.Go(func() { l.mirror.Run(ctx) })
	}
	presence.Follow(ctx, c.source, c.log, Service, c.know)
	all.Wait()
	c.behind.Wait()
	c.idle()
}

func (c *Client) know(list []presence.Instance) { c.servers.Know(list) }

// Judge decides about an event; see Guard.
func (c *Client) Judge(ctx context.Context, e *Event) Verdict {
	v := c.judge(ctx, e)
	c.verdicts.WithLabelValues(string(e.What), string(v.Decision), string(v.Reason)).Inc()
	return v
}

func (c *Client) judge(ctx context.Context, e *Event) Verdict {
	undecided := Verdict{Decision: Quarantine, Reason: Undecided, Detail: "it could not be judged in time"}
	if err := e.Validate(); err != nil {
		undecided.Detail = err.Error()
		return undecided
	}
	ctx, cancel := context.WithTimeout(ctx, Deadline)
	defer cancel()
	for _, server := range c.rank(e) {
		var v Verdict
		err := c.ask(ctx, server, judgePath, e, &v)
		if err == nil && v.Decision != Allow && v.Decision != Quarantine && v.Decision != Refuse {
			err = api.Errorf(api.Internal, "judge", server, "it decided %.40q", v.Decision)
		}
		if err == nil {
			return v
		}
		if ctx.Err() != nil {
			break
		}
	}
	return undecided
}

// Offence says that somebody has done harm; see Guard.
func (c *Client) Offence(tenant string, what What, who, from string) {
	e := &Event{Tenant: tenant, What: what, Who: who, From: from}
	if e.Validate() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.saying >= mostSaying {
		c.failed.Inc()
		return
	}
	c.saying++
	c.behind.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), sayFor)
		defer cancel()
		for _, server := range c.rank(e) {
			if c.ask(ctx, server, offencePath, e, &struct{}{}) == nil {
				break
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.saying--
	})
}

// Listed tells what the lists say; see Guard.
func (c *Client) Listed(tenant, text string, pictures []string) Listed {
	l := c.tenants[tenant]
	if l == nil || time.Since(l.mirror.Current()) > ListBound {
		return Listed{}
	}
	found, err := l.lists.find(text, pictures)
	if err != nil {
		return Listed{}
	}
	found.Known = true
	return found
}

// rank returns the servers to ask, the first first: the events of one address, or else user, go to one server, which then has
// its share of what they may do. A server that has not answered lately comes last.
func (c *Client) rank(e *Event) []string {
	well, out := c.servers.Rank(e.Tenant + "\x00" + cmp.Or(e.From, e.Who))
	return append(well, out...)
}

// ask asks one server, which is asked last for a while if it does not answer.
func (c *Client) ask(ctx context.Context, server, path string, e *Event, answer any) error {
	asked, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	err := web.Ask(asked, c.transport, "ask the abuse server", server, path, e, answer, maxAnswer)
	if kind := api.KindOf(err); err == nil || kind == api.BadRequest || kind == api.NotFound || ctx.Err() != nil && asked.Err() == nil {
		return err
	}
	c.failed.Inc()
	if c.servers.LeaveOut(server, outFor) {
		c.log.Warn("an abuse server does not judge, and is asked last for a while", "server", server, "error", err)
	}
	return err
}

// readEvent reads an event from a request.
func readEvent(w http.ResponseWriter, r *http.Request, e *Event) error {
	if r.Method != http.MethodPost {
		return web.NotAllowed(w, r, map[string]bool{http.MethodPost: true})
	}
	if _, err := web.Query(r); err != nil {
		return err
	}
	web.BodyWithin(w, bodyTimeout)
	body, err := web.Body(w, r, maxBody)
	if err != nil {
		return err
	}
	if err := web.FromJSON(bytes.NewReader(body), e); err != nil {
		return api.Errorf(api.BadRequest, "read the event", "", "%s", err)
	}
	return nil
}

const bodyTimeout = 10 * time.Second
