package abuse

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/mirror"
	"picloud/node/presence"
	"picloud/node/web"
	"picloud/node/wire"
)

// Server judges. It keeps nothing that others would miss: what decides lies in the store.
type Server struct {
	config  Config
	id      string // different for each start
	address string
	source  mirror.Source
	log     *slog.Logger
	metrics *metrics
	tenants map[string]*tenantState
	harms   chan harmed // done to accounts, in the background
}

// tenantState is a tenant, as a server knows it.
type tenantState struct {
	Tenant
	ledger *ledger
	rules  *Rules
	lists  *lists
	texts  *texts
	mirror *mirror.Mirror
}

// rulesBound is how old the lists may be by which something is judged that is to be stored.
const rulesBound = 10 * time.Second

// New returns the server of a node.
func New(c Config, node string, source mirror.Source, registry prometheus.Registerer, log *slog.Logger) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{config: c.withDefaults(), id: fmt.Sprintf("%s-%08x", node, rand.Uint32()), address: net.JoinHostPort(node, c.Port), source: source, log: log,
		metrics: newMetrics(), tenants: map[string]*tenantState{}, harms: make(chan harmed, mostHarms)}
	for i := range s.config.Tenants {
		t, err := s.newTenant(&s.config.Tenants[i])
		if err != nil {
			return nil, err
		}
		s.tenants[t.Name] = t
		s.metrics.expect(t.Name)
	}
	if err := s.metrics.register(registry, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) newTenant(c *Tenant) (*tenantState, error) {
	rules, err := NewRules(s.source, c.Name)
	if err != nil {
		return nil, err
	}
	t := &tenantState{Tenant: *c, ledger: newLedger(c, s.source), rules: rules, lists: newLists(), texts: newTexts(c, s.metrics)}
	t.mirror, err = mirror.New(mirror.Config{Prefixes: []string{rules.key(rowList, ""), rules.key(rowLabel, ""), rules.key(rowDistrust, "")}, Bound: ListBound},
		s.source, s.log, func(n mirror.News) {
			t.lists.told(n)
			t.texts.told(n)
		})
	return t, err
}

// Run serves until the context ends; it says so to clients first, and they ask others.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	kept, end := context.WithCancel(context.WithoutCancel(ctx))
	var behind sync.WaitGroup
	defer behind.Wait()
	defer end()
	for _, t := range s.tenants {
		behind.Go(func() { t.mirror.Run(kept) })
		behind.Go(func() { t.texts.run(kept) })
	}
	for range harmsAtOnce {
		behind.Go(func() { s.workHarms(kept) })
	}
	drain := make(chan struct{})
	i := presence.Instance{Service: Service, ID: s.id, Address: s.address, Checked: true}
	behind.Go(func() {
		if err := presence.Announce(kept, s.source, s.log, i, drain); err != nil {
			s.log.Error("the abuse server is not known to anybody", "error", err)
		}
	})
	serving, stop := context.WithCancel(kept)
	defer stop()
	go func() {
		<-ctx.Done()
		close(drain)
		time.Sleep(s.config.Drain)
		stop()
	}()
	return web.Serve(serving, wire.Detect(l), s.Handler())
}

// Handler serves the judge over HTTP.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(judgePath, s.post("judge", func(ctx context.Context, e *Event) (any, error) {
		if err := e.Validate(); err != nil {
			return nil, err
		}
		return s.judge(ctx, e)
	}))
	mux.Handle(offencePath, s.post("offence", func(_ context.Context, e *Event) (any, error) {
		if err := e.Validate(); err != nil {
			return nil, err
		}
		return struct{}{}, s.offence(e)
	}))
	mux.HandleFunc(web.HealthPath, func(w http.ResponseWriter, _ *http.Request) { web.Reply(w, http.StatusOK, []byte("{}\n")) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		web.Refuse(w, web.NoPath(r, fmt.Sprintf("there are %s and %s", judgePath, offencePath)))
	})
	return mux
}

// The paths, each for a POST of an Event.
const (
	judgePath   = "/v1/judge"   // answers with a Verdict
	offencePath = "/v1/offence" // of its Tenant, What, Who and From
)

// maxBody holds an event whose text is written with escapes.
const maxBody = 8 * MaxText

// post serves a path to which events are posted.
func (s *Server) post(verb string, serve func(context.Context, *Event) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		var e Event
		var answer any
		err := readEvent(w, r, &e)
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), Deadline)
			answer, err = serve(ctx, &e)
			cancel()
		}
		var body []byte
		if err == nil {
			body, err = web.AsJSON(answer)
		}
		s.metrics.served(verb, err, time.Since(began))
		if err != nil {
			web.Refuse(w, err)
			return
		}
		web.Reply(w, http.StatusOK, body)
	})
}

// tenant returns a tenant, or an error if there is none of that name.
func (s *Server) tenant(name string) (*tenantState, error) {
	if t := s.tenants[name]; t != nil {
		return t, nil
	}
	return nil, api.Errorf(api.NotFound, "judge for the tenant", name, "there is none")
}
