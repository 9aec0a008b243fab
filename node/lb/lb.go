// Package lb is the load balancer: it takes requests over HTTP and passes each on to a server of the service that its
// route names. README.md is for its users.
//
// Invariants:
//   - A request that may have had an effect is not sent again, unless doing it twice is the same as once.
//   - Second attempts and hedges are a bounded share of the requests, whatever the servers do.
//   - A request waits in one place, for a bounded time, and an answer that is not a server's says why in api.Error.
//   - No server has more requests than its limit, and at least half of those that are well are in.
package lb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/web"
)

// Balancer passes requests on. It may be used by many goroutines.
type Balancer struct {
	doors     Doors
	kept      atomic.Int64 // bytes of bodies that are read, or were, to be sent again
	routes    []Route
	pools     map[string]*pool // by service
	transport *http.Transport
	proxy     *httputil.ReverseProxy
	log       *slog.Logger
	metrics   *metrics
}

var _ prometheus.Collector = (*Balancer)(nil)

// Doors tells for how long a tenant takes nothing from an address: zero where it does. It asks nobody.
type Doors interface {
	Left(tenant, address string) time.Duration
}

// New returns a load balancer that reaches servers by a network. Run makes it know them. Without doors all may come.
func New(c Config, network host.Network, doors Doors, registerer prometheus.Registerer, log *slog.Logger) (*Balancer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(registerer)
	if err != nil {
		return nil, fmt.Errorf("lb: register metrics: %w", err)
	}
	b := &Balancer{doors: doors, routes: slices.Clone(c.Routes), pools: map[string]*pool{}, log: log, metrics: m}
	slices.SortStableFunc(b.routes, better)
	policy := c.Policy.withDefaults()
	b.transport = &http.Transport{
		DialContext:         web.Dialer(network, b.checks),
		MaxIdleConnsPerHost: policy.InFlight,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true, // what a server compresses is passed on as it is
	}
	for i := range b.routes {
		service := b.routes[i].Service
		if b.pools[service] == nil {
			b.pools[service] = newPool(service, policy, b.transport, m)
		}
	}
	b.proxy = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      b,
		ModifyResponse: begun,
		ErrorHandler:   b.refuse,
		BufferPool:     &buffers{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}},
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if err := registerer.Register(b); err != nil {
		return nil, fmt.Errorf("lb: register metrics: %w", err)
	}
	return b, nil
}

// checks tells whether the server at an address takes checked streams.
func (b *Balancer) checks(address string) bool {
	for _, p := range b.pools {
		if p.checks(address) {
			return true
		}
	}
	return false
}

// Run follows who serves, and how well, until the context ends.
func (b *Balancer) Run(ctx context.Context, store api.Store) error {
	b.run(ctx, func(service string, tell func([]presence.Instance)) {
		presence.Follow(ctx, store, b.log, service, tell)
	})
	return nil
}

// run follows by what follow tells of each service.
func (b *Balancer) run(ctx context.Context, follow func(service string, tell func([]presence.Instance))) {
	defer b.transport.CloseIdleConnections()
	var all sync.WaitGroup
	defer all.Wait()
	for _, service := range slices.Sorted(maps.Keys(b.pools)) {
		p := b.pools[service]
		all.Go(func() { p.watch(ctx) })
		all.Go(func() {
			follow(service, func(list []presence.Instance) {
				for _, s := range p.set(list) {
					all.Go(func() { p.look(ctx, s) })
				}
			})
		})
	}
	<-ctx.Done()
}

// passage is a request on its way through the load balancer.
type passage struct {
	route   *Route
	until   time.Time   // the answer must have begun
	hurried bool        // as the client wants it sooner than the route does
	limit   *time.Timer // ends the request then
	body    []byte
	keeps   int64 // bytes of it that are kept, or are to be
	replays bool
	stream  *stream // the body, if it is passed on as it comes

	bodyUntil func(time.Time) // bounds how long the client may take to send its body; the zero time is no bound
}

type passageKey struct{}

func passageOf(r *http.Request) *passage { return r.Context().Value(passageKey{}).(*passage) }

// ServeHTTP passes a request on.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	route := routeOf(b.routes, r)
	if route == nil {
		web.BodyWithin(w, bodyGrace)
		web.Refuse(w, api.Errorf(api.NotFound, "pass on", fmt.Sprintf("%.80q", r.Host+r.URL.Path), "no route leads there"))
		return
	}
	client := r.Context()
	ctx, cancel := context.WithCancelCause(client)
	defer cancel(nil)
	left := web.Timeout(r.Header, route.timeout())
	p := &passage{route: route, hurried: left < route.timeout(), until: began.Add(left), limit: time.AfterFunc(left, func() { cancel(errTimeout) })}
	defer p.limit.Stop()
	p.bodyUntil = func(t time.Time) { _ = http.NewResponseController(w).SetReadDeadline(t) } // if that fails, so does the next read
	if r.ContentLength != 0 {
		p.bodyUntil(p.until.Add(bodyGrace))
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the recorder sets its own
	out := web.NewRecorder(w, r)
	whole := false
	defer func() {
		out.End()
		b.metrics.observe(route.Service, statusOf(out, whole, client), out.Took(began))
	}()
	r = r.WithContext(context.WithValue(ctx, passageKey{}, p))
	err := b.turnedAway(route, r)
	if err == nil {
		err = b.keep(p, w, r)
		defer func() { b.kept.Add(-p.keeps) }()
	}
	if err != nil {
		b.refuse(out, r, err)
	} else {
		b.proxy.ServeHTTP(out, r)
	}
	p.leave()
	whole = true
}

// statusOf returns what metrics show of an answer. One that breaks off has begun with another status, and its handler panics: net/http closes
// the connection then. The context is that of the client: net/http cancels it when it is gone.
func statusOf(out *web.Recorder, whole bool, client context.Context) int {
	switch {
	case whole:
		return out.Status()
	case out.Lost(), errors.Is(context.Cause(client), context.Canceled):
		return statusClientGone
	}
	return http.StatusBadGateway
}

// turnedAway refuses a request that brings something from an address that did too much harm. Who only reads harms nobody, and may sit behind one
// address with somebody who does.
func (b *Balancer) turnedAway(route *Route, r *http.Request) error {
	if route.Tenant == "" || b.doors == nil || r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return nil
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	left := b.doors.Left(route.Tenant, address)
	if left <= 0 {
		return nil
	}
	b.metrics.away.WithLabelValues(route.Service).Inc()
	refused := api.Errorf(api.Refused, "pass on", "the request", "too much harm came from this address lately")
	refused.RetryAfter = left.Milliseconds()
	return refused
}

// errTimeout ends a request whose answer has not begun in time.
var errTimeout = fmt.Errorf("no answer has begun in time: %w", context.DeadlineExceeded)

// mostKept is how many bytes of bodies are kept at one time.
const mostKept = 64 << 20

// keep reads a body that is short enough to be sent again. That also keeps clients that are slow to send away from
// the servers.
func (b *Balancer) keep(p *passage, w http.ResponseWriter, r *http.Request) error {
	pool := b.pools[p.route.Service]
	upgrade := r.Header.Get("Upgrade") != ""
	if upgrade {
		if err := upgradable(r); err != nil {
			return err
		}
	}
	switch {
	case r.ContentLength == 0:
		p.replays = !upgrade
		return nil
	case upgrade || r.ContentLength < 0 || r.ContentLength > pool.policy.Replay:
		p.stream = &stream{ReadCloser: r.Body}
		r.Body = p.stream
		// The answer may begin while the body is still read. Without this net/http reads the rest of the body then and
		// closes it, the transport takes that for an error, and cuts the answer off.
		return http.NewResponseController(w).EnableFullDuplex()
	}
	p.keeps = r.ContentLength
	if b.kept.Add(p.keeps) > mostKept {
		return pool.shed(p.route.priority().rank(), "too many bodies are being read")
	}
	p.bodyUntil(p.until)
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return api.Errorf(api.BadRequest, "read the body of", r.Method, "%s", err)
	}
	p.bodyUntil(time.Time{})
	p.body, p.replays = body, true
	return nil
}

// upgradable refuses an upgrade to what cannot be a protocol's name: the proxy would take it for a defect of ours.
func upgradable(r *http.Request) error {
	if name := r.Header.Get("Upgrade"); strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c > '~' }) {
		return api.Errorf(api.BadRequest, "upgrade to", fmt.Sprintf("%.80q", name), "it is no protocol")
	}
	return nil
}

// rewrite makes of a client's request the one that servers see.
func rewrite(r *httputil.ProxyRequest) {
	r.SetXForwarded()
	r.Out.URL.Scheme = "http"
	r.Out.URL.Host = passageOf(r.In).route.Service // until a server is chosen
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery      // the proxy leaves out what net/url cannot read, and servers would answer another question
	id := r.Out.Header.Get(web.RequestIDHeader) // not In's: a client may name it in Connection, and what is named there is not passed on
	if !validID(id) {
		id = newID()
	}
	r.Out.Header.Set(web.RequestIDHeader, id) // there may be several
}

// RoundTrip passes a request on to one of the service's servers.
func (b *Balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	p := passageOf(r)
	x := &exchange{pool: b.pools[p.route.Service], passage: p, request: r, outcomes: make(chan *attempt, mostAttempts)}
	return x.run()
}

// begun takes note of an answer that has begun.
func begun(r *http.Response) error {
	p := passageOf(r.Request)
	p.limit.Stop()
	if p.stream != nil {
		p.bodyUntil(time.Time{}) // if that is over while net/http looks whether the client goes away, the request is over
	}
	if p.unread() {
		noMore(r.Header, r.Request)
	}
	return nil
}

// refuse answers a request that no server has answered.
func (b *Balancer) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if api.KindOf(err) != api.BadRequest && errors.Is(context.Cause(r.Context()), context.Canceled) { // net/http cancels when a body does not come, too
		w.WriteHeader(statusClientGone)
		return
	}
	if passageOf(r).unread() {
		noMore(w.Header(), r)
	}
	b.log.WarnContext(r.Context(), "a request was not answered by a server", "service", passageOf(r).route.Service, "method", r.Method,
		"kind", api.KindOf(err), "error", err)
	web.Refuse(w, err)
}

// statusClientGone is what metrics show for a client that has not waited for its answer; nginx began with it.
const statusClientGone = 499

// Describe sends what Collect will send.
func (b *Balancer) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{b.metrics.servers, b.metrics.inFlight, b.metrics.streams, b.metrics.room, b.metrics.waiting} {
		to <- d
	}
}

// Collect sends what the pools are like now.
func (b *Balancer) Collect(to chan<- prometheus.Metric) {
	for _, service := range slices.Sorted(maps.Keys(b.pools)) {
		b.pools[service].collect(to)
	}
}
