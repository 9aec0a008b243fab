package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/mutant"
	"picloud/node/raftlog"
	"picloud/node/raftnet"
	"picloud/node/rpc"
	"picloud/node/wire"
)

// folder is where the store's files lie on a node's disk.
const folder = "store"

// confirmLimit is how long a round of questions may take.
const confirmLimit = time.Second

// maxCalls is how many calls of one stream are under way at a time. Watches wait in theirs.
const maxCalls = 1024

// Store is a node's part in the store.
type Store struct {
	config    Config
	host      *host.Host
	log       *slog.Logger
	db        *raftlog.DB
	port      *raftnet.Net
	peers     *rpc.Peers
	confirmer *confirmer

	metrics metrics
	gauges  []groupGauge

	rejoins bool // it is to become a member again of groups that take it for one
	spare   spare
	syncs   syncs

	end    func(why string) // ends the process, and does not return
	ending sync.Mutex       // is never let go: see damaged

	change sync.Mutex // held while the node begins or ends to have a member of a group
	mu     sync.Mutex
	groups map[uint32]*Group
	// undecided are groups of which it is not known whether they are new.
	undecided map[uint32]bool
}

// Open starts the node's members of groups. What the disk holds decides which they are. On a disk that is
// damaged it takes until the others have let the node go; the context bounds that.
func Open(ctx context.Context, h *host.Host, c Config) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := newStore(h, c)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newStore(h *host.Host, c Config) *Store {
	s := &Store{config: c, host: h, log: h.Log, metrics: newMetrics(), gauges: describe(), groups: map[uint32]*Group{}, undecided: map[uint32]bool{}, end: host.End}
	s.peers = raftnet.Peers(s.network(), c.Port)
	s.confirmer = &confirmer{node: c.Node, ask: s.askTerms, limit: confirmLimit}
	return s
}

func (s *Store) start(ctx context.Context) error {
	err := s.openDisk(ctx)
	if err != nil {
		if err = s.standStill(ctx, err); err != nil {
			return err
		}
	}
	if s.port == nil {
		if s.port, err = raftnet.Listen(s.network(), s.config.Node, s.config.Port); err != nil {
			return err
		}
	}
	return s.openHosted()
}

// network is the host's, with sums over what goes through its streams.
func (s *Store) network() host.Network { return wire.Network{Network: s.host.Network} }

// openDisk opens the database, also one that was found damaged. A disk that is not this node's is left as it is,
// and so is a damaged one until the others have let the node go.
func (s *Store) openDisk(ctx context.Context) error {
	if err := s.claimDisk(); err != nil {
		return err
	}
	w, err := s.readWound()
	if err != nil {
		return err
	}
	if w == nil {
		if err = s.openDB(); !isDamage(err) {
			return err
		}
		w = &wound{Why: err.Error()}
	}
	s.metrics.damage.Set(1)
	return s.heal(ctx, w)
}

func (s *Store) pebbleConfig() raftlog.Config {
	return raftlog.Config{Logger: pebbleLog{raftlog.Logger{Log: s.log}, s}, MemTableBytes: s.config.MemTableBytes, CacheBytes: s.config.CacheBytes}
}

func (s *Store) openDB() error {
	if err := s.claimFolder(); err != nil {
		return err
	}
	disk := s.host.Disk
	if mutant.Planted == mutant.RetriedSync {
		disk = retriedDisk{disk}
	}
	db, err := raftlog.Open(disk, folder, s.pebbleConfig())
	if err != nil {
		return newer(err)
	}
	s.db = db
	return nil
}

// open starts the node's member of a group.
func (s *Store) open(m membership) error {
	var first []string
	if shard := s.config.first(m.group); shard != nil && m.how == beganHere {
		first = shard.Members
	}
	told := Told{s.stalled, s.damaged, func(took time.Duration) { s.metrics.wrote(took); s.syncs.wrote(time.Now(), took) }, s.metrics.yielded}
	g, err := OpenGroup(s.config.group(m, first, told), s.db, s.port, s.host.Disk, s.host.Disk.PathJoin(folder, "snapshots"), s.log)
	if err != nil {
		return s.unlessDamaged(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[m.group] = g
	g.rest(s.spare.rests.Load())
	return nil
}

// stalled ends the process: a leader whose disk hangs would keep its place, and a write that was given up
// may still reach the disk.
func (s *Store) stalled(what string) {
	s.end(fmt.Sprintf("store: the disk hangs: %s took longer than %s", what, s.config.DiskLimit))
}

// Run serves until the context ends, and then hands over what it leads.
func (s *Store) Run(outer context.Context) error {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	l, err := s.port.Listener(raftnet.Requests, 0)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { s.upkeep(ctx) })
	all.Go(func() { s.scrub(ctx) })
	all.Go(func() { s.giveAwayLeads(ctx) })
	all.Go(func() { s.endLeftovers(ctx) })
	if s.rejoins {
		all.Go(func() { s.rejoin(ctx) })
	}
	var unsettled error
	all.Go(func() {
		if unsettled = s.settle(ctx); unsettled != nil {
			cancel()
		}
	})
	server := &rpc.Server{Methods: s.methods(), Reads: reads(), Log: s.log, MaxCalls: maxCalls}
	err = server.Serve(ctx, l)
	if ctx.Err() == nil { // raft would go on over the streams that it has, and lead perhaps
		err = errors.New("store: its port has closed")
	}
	cancel()
	all.Wait()
	if outer.Err() != nil {
		s.handOver()
		return nil
	}
	if unsettled != nil {
		return unsettled
	}
	return err
}

// handOver gives away what the node leads, as far as that is possible at once.
func (s *Store) handOver() {
	for _, g := range s.all() {
		if g.Leads() {
			_ = g.await(g.raft.LeadershipTransfer()) // if nobody takes it, the others find that the leader is gone
		}
	}
}

// Close ends all members.
func (s *Store) Close() error {
	s.peers.Close()
	var err error
	if s.port != nil {
		err = s.port.Close()
	}
	for _, g := range s.all() {
		err = errors.Join(err, g.Close())
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// all returns the node's members, by group.
func (s *Store) all() []*Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Group
	for _, g := range s.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *Group) int { return int(a.config.Number) - int(b.config.Number) })
	return all
}

// group returns the node's member of a group.
func (s *Store) group(number uint32) (*Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[number]; g != nil {
		return g, nil
	}
	return nil, api.Errorf(api.NotFound, "look for the group", fmt.Sprint(number), "%s has no member of it", s.config.Node)
}

// pebbleLog is a raftlog.Logger that knows damage.
type pebbleLog struct {
	raftlog.Logger
	store *Store
}

// Fatalf ends the process, and notes damage if that is the reason.
func (l pebbleLog) Fatalf(format string, args ...any) {
	for _, arg := range args {
		err, _ := arg.(error)
		if _, corrupt := arg.(pebble.DataCorruptionInfo); corrupt || isDamage(err) {
			l.store.damaged(fmt.Errorf("pebble: "+format, args...))
		}
	}
	l.store.end("pebble: " + fmt.Sprintf(format, args...))
}

var _ io.Closer = (*Store)(nil)
