package cache

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/presence"
	"picloud/node/rpc"
)

// Service is the name by which cache servers are known.
const Service = "cache"

// maxCalls is how many calls of one stream are under way at a time. Most that are wait for what another client reads.
const maxCalls = 4096

// Server keeps answers of the store. It reads nothing of it but what has changed: its clients bring what they have read.
type Server struct {
	config  Config
	node    string
	source  api.Feed
	log     *slog.Logger
	metrics *metrics

	ctx context.Context // until the server is closed
	end func()
	all sync.WaitGroup

	changes sync.Mutex // held while something is done with memory.choice; taken before mu

	mu         sync.Mutex
	memory     *memory
	feeds      map[uint32]*feed
	partitions map[string]*partition
	heat       heat
}

// New returns the cache server of a node, which follows the changes of what it keeps.
func New(c Config, node string, source api.Feed, registry prometheus.Registerer, log *slog.Logger) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{config: c.withDefaults(), node: node, source: source, log: log, metrics: newMetrics(),
		feeds: map[uint32]*feed{}, partitions: map[string]*partition{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	var err error
	if s.memory, err = newMemory(s.config.MemoryBytes, s.dropped); err != nil {
		return nil, err
	}
	if err := s.metrics.register(registry, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends what follows changes, and forgets all.
func (s *Server) Close() {
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	s.all.Wait()
	s.changes.Lock()
	defer s.changes.Unlock()
	s.memory.choice.Close()
}

// Run serves until the context ends; it says so to clients first, and they ask others. Store is where it makes itself known.
func (s *Server) Run(ctx context.Context, l net.Listener, store api.Store) error {
	defer s.Close()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var all sync.WaitGroup
	failed := make(chan error, 1)
	server := &rpc.Server{Methods: s.methods(), Prompt: s.prompt(), Log: s.log, MaxCalls: maxCalls}
	all.Go(func() { failed <- server.Serve(serving, l) })
	drain := make(chan struct{})
	i := presence.Instance{Service: Service, ID: fmt.Sprintf("%s-%08x", s.node, rand.Uint32()), Address: net.JoinHostPort(s.node, s.config.Port), Checked: true}
	all.Go(func() {
		if err := presence.Announce(serving, store, s.log, i, drain); err != nil {
			s.log.Error("the cache server is not known to anybody", "error", err)
		}
	})
	var err error
	select {
	case <-ctx.Done():
		close(drain)
		select {
		case <-time.After(s.config.Drain):
		case err = <-failed:
		}
	case err = <-failed:
	}
	stop()
	all.Wait()
	return err
}

func (s *Server) methods() map[string]rpc.Handler {
	return map[string]rpc.Handler{methodRead: s.serveRead, methodFill: s.serveFill}
}

func (s *Server) prompt() map[string]rpc.Prompt {
	return map[string]rpc.Prompt{methodRead: s.serveHit}
}

// serveHit answers a read of what is kept. All others go on to serveRead.
func (s *Server) serveHit(body []byte) ([]byte, bool) {
	began := time.Now()
	call, err := decodeReadCall(body)
	if err != nil {
		return nil, false
	}
	a, is := s.hit(call.id, call.spread, began)
	if !is {
		return nil, false
	}
	s.metrics.answered(readHit, &a, time.Since(began))
	return a.encode(), true
}

func (s *Server) hit(id []byte, spread bool, now time.Time) (a answer, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.memory.slots[string(id)]
	if at == nil || at.entry == nil {
		return a, false
	}
	if a, is = s.kept(at.item, at.partition, at.entry, now); is {
		at.partition.asked = now
		a.hot = s.isHot(s.heat.read(at.hash, now), spread)
	}
	return a, is
}

// kept answers from an entry, if it may be given. The lock is held.
func (s *Server) kept(i *item, p *partition, e *entry, now time.Time) (answer, bool) {
	if !p.followed || s.partitions[p.name] != p {
		return answer{}, false
	}
	age := p.age(e, now)
	if !fresh(age, s.config.limit()) {
		return answer{}, false
	}
	s.memory.choice.Get(i.hash) // counts it
	return answer{outcome: kept, age: age, limit: s.config.limit(), reply: e.reply}, true
}

func (s *Server) serveRead(ctx context.Context, body []byte) ([]byte, error) {
	began := time.Now()
	call, err := decodeReadCall(body)
	var i *item
	if err == nil {
		i, err = decodeItem(call.id)
	}
	if err != nil {
		s.metrics.malformed()
		return nil, api.Errorf(api.BadRequest, "call", methodRead, "%s", err)
	}
	a, what := s.read(ctx, i, call.spread)
	s.metrics.answered(what, &a, time.Since(began))
	return a.encode(), nil
}

// How reads end, as metrics name it.
const (
	readHit     = "hit"
	readWaited  = "waited" // for what another client read
	readMiss    = "miss"   // with a lease
	readRefused = "refused"
)

// read answers from what is kept, lets the client read the store, or waits for another one that does.
func (s *Server) read(ctx context.Context, i *item, spread bool) (_ answer, what string) {
	ctx, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	s.mu.Lock()
	now := time.Now()
	hot := s.isHot(s.heat.read(i.hash, now), spread)
	p := s.partition(api.Partition(i.op.Key), now)
	s.mu.Unlock()
	if p == nil {
		return answer{outcome: refused}, readRefused
	}
	var l *lease
	for over, what := p.ready, readHit; ; {
		select {
		case <-over:
		case <-ctx.Done():
			return answer{outcome: refused}, readRefused
		}
		a, wait := s.look(i, p, l)
		if wait == nil {
			switch a.outcome {
			case kept:
				a.hot = hot
			case leased:
				what = readMiss
			default:
				what = readRefused
			}
			return a, what
		}
		l, over, what = wait, wait.over, readWaited
	}
}

// look returns what is kept of an item, or a lease of it, or the lease to wait for. Before is the one that was waited for.
func (s *Server) look(i *item, p *partition, before *lease) (answer, *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !p.followed || s.partitions[p.name] != p {
		return answer{outcome: refused}, nil
	}
	var e *entry
	var stands *lease
	if at := s.memory.slots[i.id]; at != nil {
		e, stands = at.entry, at.lease
	}
	if e == nil && before != nil && before.entry != nil && !before.entry.old {
		e = before.entry // although there was no room to keep it
	}
	if e != nil {
		if a, is := s.kept(i, p, e, now); is {
			return a, nil
		}
	}
	if stands != nil && now.Sub(stands.granted) <= leaseFor {
		return answer{}, stands
	}
	l := s.memory.grant(i, p, rand.Uint64(), now)
	if l == nil {
		return answer{outcome: refused}, nil
	}
	return answer{outcome: leased, token: l.token}, nil
}

// fresh tells whether an answer may be given that is so old. Servers ask, and clients once more when it has come.
func fresh(age, limit time.Duration) bool {
	return age <= limit || mutant.Planted == mutant.UncheckedAge
}

// age bounds how old an entry of the partition is. One that is not in the index would not have been found by a change.
func (p *partition) age(e *entry, now time.Time) time.Duration {
	since := e.read
	if e.in && p.feed.current.After(e.read) {
		since = p.feed.current
	}
	if mutant.Planted == mutant.WallAge {
		return max(0, now.Round(0).Sub(since.Round(0))) // without its monotonic reading
	}
	return max(0, now.Sub(since)) // who asks may have looked at the clock before that, and waited for a lock since
}

// isHot tells whether an item is hot that was read some times in a second. Each server sees its share of reads that
// are spread.
func (s *Server) isHot(reads int, spread bool) bool {
	if spread {
		reads *= copies
	}
	return reads >= s.config.HotReads
}

func (s *Server) serveFill(_ context.Context, body []byte) ([]byte, error) {
	call, err := decodeFillCall(body)
	var reply *api.Reply
	if err == nil {
		reply, err = decodeReply(call.reply)
	}
	if err != nil {
		s.metrics.malformed()
		return nil, api.Errorf(api.BadRequest, "call", methodFill, "%s", err)
	}
	what := s.fill(string(call.id), call.token, reply.Revision, bytes.Clone(call.reply)) // the call's buffer may have room for more
	s.metrics.fills.WithLabelValues(what).Inc()
	taken := uint64(0)
	if what == fillTaken {
		taken = 1
	}
	return api.Numbers{taken}.Encode(), nil
}

// What becomes of what clients offer, as metrics name it.
const (
	fillTaken = "taken"
	fillLate  = "late"  // the lease does not stand any more
	fillStale = "stale" // the item has changed since it was read
	fillLarge = "large"
)

// fill keeps what was read of the store with a lease, if the lease stands and no later change of the item is known.
func (s *Server) fill(id string, token uint64, revision uint64, reply []byte) string {
	s.changes.Lock()
	defer s.changes.Unlock()
	e, what := s.take(id, token, revision, reply)
	if what == fillTaken && !s.memory.offer(e) {
		s.dropped(e)
	}
	return what
}

// take puts what was read into its slot.
func (s *Server) take(id string, token uint64, revision uint64, reply []byte) (*entry, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.memory.slots[id]
	if at == nil || at.lease == nil || at.lease.token != token {
		return nil, fillLate
	}
	l := at.lease
	e := &entry{slot: at, reply: reply, revision: revision, read: l.granted, cost: cost(id, reply)}
	switch {
	case time.Since(l.granted) > leaseFor:
		s.memory.end(l, nil)
		return nil, fillLate
	case (l.floor > revision || revision+1 < l.next) && mutant.Planted != mutant.StaleSet:
		s.memory.end(l, nil)
		return nil, fillStale
	case e.cost > s.memory.largest:
		s.memory.end(l, e)
		return nil, fillLarge
	}
	if at.entry != nil {
		at.entry.old = true
		s.memory.drop(at.entry) // the lease keeps the slot
	}
	s.memory.keep(e)
	s.memory.end(l, e)
	return e, fillTaken
}

// dropped notes that ristretto does not have an entry any more. No lock on what is kept is held.
func (s *Server) dropped(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.in {
		s.metrics.evictions.Inc()
		s.memory.drop(e)
	}
}
