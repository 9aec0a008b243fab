package queue

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/presence"
	"picloud/node/web"
	"picloud/node/wire"
)

// Service is the name by which queue servers are known.
const Service = "queue"

// Server serves queues. Which partitions it looks after follows from which servers there are; where two of them think that
// one is theirs, both hand out its jobs, and of each job one of them has the reservation.
type Server struct {
	config  Config
	id      string // different for each start
	address string
	store   api.Store
	log     *slog.Logger
	metrics *metrics

	draining chan struct{} // closed when the server hands out nothing more

	mu      sync.Mutex
	lines   []*line // in the order of their names
	writers map[string]*writer
	polls   map[string]*poll // that their clients have named
	looked  int              // partitions that are looked after
	told    map[string]bool  // rows that nobody can read, which the log has
}

// New returns the queue server of a node.
func New(c Config, node string, store api.Store, registry prometheus.Registerer, log *slog.Logger) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{config: c.withDefaults(), id: fmt.Sprintf("%s-%08x", node, rand.Uint32()), address: net.JoinHostPort(node, c.Port), store: store, log: log,
		metrics: newMetrics(), draining: make(chan struct{}), writers: map[string]*writer{}, polls: map[string]*poll{}, told: map[string]bool{}}
	for i := range s.config.Queues {
		q := &s.config.Queues[i]
		s.lines = append(s.lines, &line{Queue: q, server: s, indexes: map[string]*index{}})
		s.metrics.expect(q.Name)
	}
	slices.SortFunc(s.lines, func(a, b *line) int { return cmp.Compare(a.Name, b.Name) })
	if err := s.metrics.register(registry, s); err != nil {
		return nil, err
	}
	return s, nil
}

// line returns a queue, nil if there is none of that name.
func (s *Server) line(name string) *line {
	i, is := slices.BinarySearchFunc(s.lines, name, func(q *line, name string) int { return cmp.Compare(q.Name, name) })
	if !is {
		return nil
	}
	return s.lines[i]
}

// queue returns a queue, or an error if there is none of that name.
func (s *Server) queue(name string) (*line, error) {
	if q := s.line(name); q != nil {
		return q, nil
	}
	return nil, api.Errorf(api.NotFound, "use the queue", fmt.Sprintf("%.80q", name), "there is none")
}

// writer returns who makes the moves of a partition. The lock is held.
func (s *Server) writer(partition string) *writer {
	w := s.writers[partition]
	if w == nil {
		w = &writer{store: s.store, tell: s.metrics.wrote}
		s.writers[partition] = w
	}
	return w
}

// run makes a move and waits for it.
func (s *Server) run(ctx context.Context, partition string, m *move) (outcome, error) {
	s.mu.Lock()
	w := s.writer(partition)
	s.mu.Unlock()
	return w.run(ctx, m, nil)
}

// settler ends reservations, many at a time.
func (s *Server) settler() settler { return settler{s, s.store} }

// unreadable says of a row, once, that nobody can read it.
func (s *Server) unreadable(key string, err error) {
	if s.told[key] || len(s.told) > 1000 {
		return
	}
	s.told[key] = true
	s.log.Error("a row of a queue cannot be read and is left alone", "key", fmt.Sprintf("%q", key), "error", err)
}

// Run serves until the context ends: it hands out nothing more then, and ends what it has begun.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	failed := make(chan error, 1)
	all.Go(func() { failed <- web.Serve(serving, wire.Detect(l), s.Handler()) })
	drain := make(chan struct{})
	i := presence.Instance{Service: Service, ID: s.id, Address: s.address, Checked: true}
	all.Go(func() {
		if err := presence.Announce(serving, s.store, s.log, i, drain); err != nil {
			s.log.Error("the queue server is not known to anybody", "error", err)
		}
	})
	all.Go(func() { s.lookAfter(serving) })
	var err error
	select {
	case <-ctx.Done():
		close(drain)
		close(s.draining)
		select {
		case <-time.After(s.config.Drain): // workers and the other servers hear of it
		case err = <-failed:
			failed <- nil
		}
	case err = <-failed:
		failed <- nil
	}
	stop()
	all.Wait()
	s.rest()
	return err
}

// rest waits until no write is under way.
func (s *Server) rest() {
	s.mu.Lock()
	writers := s.writers
	s.mu.Unlock()
	for _, w := range writers {
		w.all.Wait()
	}
}

// partitions returns all partitions of all queues.
func (s *Server) partitions() []string {
	var all []string
	for _, q := range s.lines {
		all = append(all, q.Partitions.All()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lookAfter looks after the partitions that are this server's, as others come and go.
func (s *Server) lookAfter(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	type care struct {
		cancel context.CancelFunc
		ended  chan struct{}
	}
	cares := map[string]*care{}
	presence.Follow(ctx, s.store, s.log, Service, func(list []presence.Instance) {
		var servers []string
		for _, i := range list {
			if !i.Draining {
				servers = append(servers, i.ID)
			}
		}
		for _, p := range s.partitions() {
			mine, known := owner(servers, p) == s.id, cares[p]
			switch {
			case mine && known == nil:
				ctx, cancel := context.WithCancel(ctx)
				c := &care{cancel, make(chan struct{})}
				cares[p] = c
				all.Go(func() { defer close(c.ended); newCaretaker(s, p).run(ctx) })
			case !mine && known != nil:
				known.cancel()
				<-known.ended
				delete(cares, p)
			}
		}
		s.mu.Lock()
		s.looked = len(cares)
		s.mu.Unlock()
		s.log.Info("partitions are spread over the queue servers", "servers", len(servers), "mine", len(cares))
	})
	for _, c := range cares {
		c.cancel()
	}
}

// owner returns which of the servers looks after a partition: the one that comes first in an order of the partition's own, so
// that only those move whose server comes or goes.
func owner(servers []string, partition string) string {
	best, most := "", uint64(0)
	for _, server := range servers {
		h := fnv.New64a()
		h.Write([]byte(server))
		h.Write([]byte{0})
		h.Write([]byte(partition))
		if n := mix(h.Sum64()); best == "" || n > most || n == most && server < best {
			best, most = server, n
		}
	}
	return best
}

// mix spreads a hash over all bits: texts that differ in their last letter have hashes that differ in few.
func mix(n uint64) uint64 {
	n ^= n >> 33
	n *= 0xff51afd7ed558ccd
	n ^= n >> 33
	n *= 0xc4ceb9fe1a85ec53
	return n ^ n>>33
}

// delivery is what a worker gets of a job that was reserved.
func (s *Server) delivery(q *line, p place, r *record, token uint64, hold time.Duration) *Delivery {
	return &Delivery{Job: r.job(p), ID: p.id, Serial: r.Serial, Partition: p.partition, Attempt: r.Attempt + 1, Attempts: q.attempts(r), LastError: r.LastError, Token: token, Hold: hold}
}
