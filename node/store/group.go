// Package store is the replicated key-value store: raft groups, each of which holds some partitions.
//
// Invariants: what is acknowledged was written by a majority and synced there; the only thing that is
// synced before an acknowledgement is raft's log, which all groups of a node share; a node that cannot
// write, or that reads something else than it wrote, stops.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/raftlead"
	"picloud/node/raftlog"
	"picloud/node/raftnet"
	"picloud/node/store/state"
)

// GroupConfig says how a group's member runs.
type GroupConfig struct {
	Number uint32
	Node   string   // this node's name
	First  []string // the members with which the group begins; they take part if it has no state yet
	// VotesFrom is the entry that the member's log must reach before it votes or stands for election: it may have forgotten what it
	// acknowledged before. 0 if it has all it ever had.
	VotesFrom uint64
	// Patience is how long a follower waits for its leader before it asks for votes.
	Patience time.Duration
	// SnapshotEvery is after how many entries the log is cut, TrailingLogs how many of them stay for
	// followers that are behind.
	SnapshotEvery, TrailingLogs uint64
	// DigestEvery is after how many entries the digest of the state is logged, to be compared with the
	// other members'.
	DigestEvery uint64
	DiskLimit   time.Duration // which a write to the log may take: see Told.SlowDisk
	Told
}

// Told is who is told of what befalls a group.
type Told struct {
	// SlowDisk is called, in a goroutine of its own, when a write to the log has taken DiskLimit. It ends
	// the process: raft's leader would keep its place while its disk hangs.
	SlowDisk func(what string)
	// Damaged is called when the disk gave back something else than what was written. It ends the process.
	Damaged func(error)
	Wrote   func(took time.Duration) // is told of each write to the log
	Yielded func(error)              // is told when the node has handed over its lead after a slow one, or could not
}

// Validate says what is wrong with the configuration.
func (c *GroupConfig) Validate() error {
	switch {
	case c.Node == "":
		return errors.New("store: a group's member needs the name of its node")
	case c.Patience < 20*time.Millisecond:
		return fmt.Errorf("store: a patience of %s is under 20ms", c.Patience)
	case c.SnapshotEvery == 0 || c.TrailingLogs == 0 || c.DigestEvery == 0:
		return errors.New("store: a group's log is cut after some entries, keeps some, and tells its digest after some")
	case c.DiskLimit <= 0 || c.SlowDisk == nil || c.Damaged == nil || c.Wrote == nil || c.Yielded == nil:
		return errors.New("store: a group needs a limit for its disk, and what to do then, when it is damaged and when it was slow")
	}
	return nil
}

// Group is this node's member of a group.
type Group struct {
	config    GroupConfig
	raft      *raft.Raft
	state     *state.State
	snapshots *snapshots
	log       *raftlog.Watched
	ready     *raftlead.Ready
	clock     clock
	gap       gap
	ended     chan struct{}      // is closed by end
	end       func() raft.Future // begins the end of raft, of what goes on beside it, and of what waits for it

	transfer transfer
	opened   time.Time    // when this process began to have it
	changes  atomic.Int32 // of its members, that this node has asked for and that are neither agreed to nor given up

	reconfiguring sync.Mutex
}

// What of a log stays in memory, for followers that keep up: so many entries, and bytes of them.
const (
	recentEntries = 256
	recentBytes   = 4 << 20
)

// OpenGroup starts a group's member on a node's database, its port and a folder of its disk.
func OpenGroup(c GroupConfig, db *raftlog.DB, port *raftnet.Net, fs vfs.FS, dir string, log *slog.Logger) (*Group, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s, err := state.Open(db.Pebble(), c.Number)
	if err != nil {
		return nil, err
	}
	s.TellEvery = c.DigestEvery
	s.Tell = func(index, digest uint64) {
		log.Info("state", "group", c.Number, "index", index, "hash", fmt.Sprintf("%016x", digest))
	}
	var g *Group
	keeper, yielder, err := c.keeper(db, log, func(err error) { g.transfer.took(err) })
	if err != nil {
		return nil, err
	}
	snaps, err := openSnapshots(s, keeper, fs, fs.PathJoin(dir, fmt.Sprint("group-", c.Number)), func() func(error) {
		return logChange(log, c.Number, "send a snapshot")
	}, c.Damaged)
	if err != nil {
		return nil, err
	}
	noted, err := snaps.recover()
	if err != nil {
		return nil, err
	}
	// One request at a time is no pipeline: one that a refusal has ended may wait for ever.
	var started atomic.Pointer[raft.Raft]
	ended := make(chan struct{})
	transport, err := port.Transport(c.Number, raftnet.Config{InFlight: 1, Done: ended, Members: func() (known raft.Configuration) {
		if r := started.Load(); r != nil {
			known = r.GetConfiguration().Configuration()
		}
		return known
	}, MayVote: func() bool { return c.caughtUp(started.Load()) }, Stuck: func() bool { return keeper.Waits() > c.bears() }})
	if err != nil {
		return nil, err
	}
	settings := c.settings(log)
	if err := port.Begin(settings, keeper, keeper, snaps, transport, c.First); err != nil {
		return nil, fmt.Errorf("store: group %d: %w", c.Number, err)
	}
	r, err := raft.NewRaft(settings, &fsm{state: s, snapshots: snaps, damaged: c.Damaged, applied: noted}, keeper, keeper, snaps, transport)
	if err != nil {
		return nil, fmt.Errorf("store: start group %d: %w", c.Number, err)
	}
	started.Store(r)
	ctx, cancel := context.WithCancel(context.Background())
	end := sync.OnceValue(func() raft.Future { // a second Shutdown would wait for nothing
		cancel()
		close(ended)
		return r.Shutdown()
	})
	g = &Group{config: c, raft: r, state: s, snapshots: snaps, log: keeper, ended: ended, end: end, opened: time.Now(), clock: clock{turn: make(chan struct{}, 1)}}
	go yielder.Run(ctx, r)
	g.ready = raftlead.Follow(r, func(leads bool) {
		log.Info("leader", "group", c.Number, "leads", leads, "term", r.CurrentTerm())
		g.transfer.over()
	})
	if c.VotesFrom > 0 {
		go g.standOnceCaughtUp(ctx)
	}
	return g, nil
}

// keeper returns the group's log, and what hands the lead over when writes to it are slow, and then says what came of it.
func (c *GroupConfig) keeper(db *raftlog.DB, log *slog.Logger, handedOver func(error)) (*raftlog.Watched, *raftlead.Yielder, error) {
	entries, err := db.Log(c.Number)
	if err != nil {
		return nil, nil, err
	}
	cached := raftlog.Cache(vigilant{entries, c.Damaged}, recentEntries, recentBytes)
	limit := c.DiskLimit
	if unwatched() {
		limit = never
	}
	keeper := raftlog.Watch(cached, limit, c.SlowDisk)
	yielder := c.yielder(log, handedOver)
	keeper.Tell(func(took time.Duration) {
		c.Wrote(took)
		yielder.Wrote(took)
	})
	return keeper, yielder, nil
}

// unwatched tells whether nobody looks how long writes take.
func unwatched() bool { return mutant.Planted == mutant.UnwatchedDisk }

// bears is how long a write of a leader may take before others wait for it: as long as a follower waits for its leader.
func (c *GroupConfig) bears() time.Duration {
	if mutant.Planted == mutant.ClingingLeader || unwatched() {
		return never
	}
	return c.Patience
}

// yielder returns what hands the lead over after a write that took half of that.
func (c *GroupConfig) yielder(log *slog.Logger, handedOver func(error)) *raftlead.Yielder {
	return raftlead.NewYielder(c.bears()/2, func(took time.Duration, err error) {
		handedOver(err)
		log.Info("yield", "group", c.Number, "took", took, "error", err)
		c.Yielded(err)
	})
}

func (c *GroupConfig) settings(log *slog.Logger) *raft.Config {
	s := raft.DefaultConfig()
	s.LocalID = raft.ServerID(c.Node)
	s.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: lines{log, c.Number}, DisableTime: true})
	s.HeartbeatTimeout, s.ElectionTimeout = c.Patience, c.Patience
	if c.VotesFrom > 0 {
		s.HeartbeatTimeout, s.ElectionTimeout = never, never
	}
	s.LeaderLeaseTimeout = c.Patience / 2
	s.CommitTimeout = min(c.Patience/2, 50*time.Millisecond)
	s.SnapshotThreshold, s.TrailingLogs = c.SnapshotEvery, c.TrailingLogs
	s.SnapshotInterval = 5 * time.Second
	s.NoSnapshotRestoreOnStart = true // the state is as far as it was
	s.NoLegacyTelemetry = true
	s.PreVoteDisabled = mutant.Planted == mutant.DisruptiveMember
	s.ShutdownOnRemove = false
	return s
}

// lines passes on what raft has to say.
type lines struct {
	log   *slog.Logger
	group uint32
}

func (l lines) Write(b []byte) (int, error) {
	l.log.Warn("raft", "group", l.group, "says", string(b))
	return len(b), nil
}

var _ io.Writer = lines{}

// Close ends the member.
func (g *Group) Close() error {
	err := g.end().Error()
	g.ready.Stop()
	return err
}

// await waits for what raft was asked to do, as long as the member lives.
func (g *Group) await(f raft.Future) error { return raftlead.Await(f, g.ended) }

// Run puts a command through the group's log and returns what came of it.
func (g *Group) Run(ctx context.Context, c *state.Command) (state.Outcome, error) {
	data, err := c.Encode()
	if err != nil {
		return state.Outcome{}, err
	}
	return g.run(ctx, data)
}

// run is Run for a command that is encoded.
func (g *Group) run(ctx context.Context, data []byte) (state.Outcome, error) {
	const doing = "run a command"
	if mutant.Planted == mutant.HastyAnswer {
		if outcome, done := g.hasty(ctx, data); done {
			return outcome, nil
		}
	}
	future := g.raft.Apply(data, timeLeft(ctx))
	err := raftlead.AwaitFor(ctx, future, g.ended)
	if err == nil || !errors.Is(err, ctx.Err()) { // else raft has not said what comes of it
		g.transfer.took(err)
	}
	switch {
	case err == nil:
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return state.Outcome{}, g.notLeader(doing)
	case errors.Is(err, raft.ErrEnqueueTimeout):
		return state.Outcome{}, api.Errorf(api.Unavailable, doing, g.name(), "too much waits to be written")
	default:
		return state.Outcome{}, api.Errorf(api.Unknown, doing, g.name(), "%s", err)
	}
	outcome, is := future.Response().(state.Outcome)
	if !is {
		return state.Outcome{}, api.Errorf(api.Internal, doing, g.name(), "the command had no outcome")
	}
	return outcome, nil
}

// Read runs a transaction that changes nothing on the newest state: every write that was acknowledged
// before the call is in it. Only the leader can say that, and only if a majority confirms that nobody
// has taken its place.
func (g *Group) Read(ctx context.Context, c *confirmer, t *api.Txn) (*api.Reply, error) {
	if err := g.confirmed(ctx, c, "read"); err != nil {
		return nil, err
	}
	// What this leader has acknowledged it had applied, and what earlier leaders acknowledged was
	// applied before it was ready.
	return g.state.Read(t)
}

// confirmed returns nil if this node led at some instant after the call, and had applied then all that had
// been acknowledged before the call.
func (g *Group) confirmed(ctx context.Context, c *confirmer, doing string) error {
	if mutant.Planted == mutant.UnaskedRead && g.Leads() {
		return nil
	}
	term := g.raft.CurrentTerm()
	if !g.Leads() || !g.ready.In(term) {
		return g.notLeader(doing)
	}
	members, err := g.members()
	if err != nil {
		return err
	}
	return c.confirm(ctx, g.config.Number, term, members.Voters)
}

// Leads tells whether this node takes itself for the leader.
func (g *Group) Leads() bool { return g.raft.State() == raft.Leader }

// inTouch tells whether the member leads or has heard from its leader lately. One that was removed without being
// told, or is cut off, has not, and nothing new comes to it.
func (g *Group) inTouch() bool {
	return g.Leads() || time.Since(g.raft.LastContact()) < 4*g.config.Patience
}

// ReadStale is Read on the state as this node has it.
func (g *Group) ReadStale(t *api.Txn) (*api.StaleReply, error) {
	var age time.Duration
	if !g.Leads() {
		age = time.Since(g.raft.LastContact())
	}
	reply, err := g.state.Read(t)
	if err != nil {
		return nil, err
	}
	return &api.StaleReply{Reply: *reply, Age: age}, nil
}

// applied returns the index of the last entry that the member has and has applied. A state that came from another member may be ahead of the
// entries, without which the member neither votes nor leads.
func (g *Group) applied() uint64 {
	index, _ := g.state.Applied()
	return min(index, g.raft.AppliedIndex())
}

// Term returns the group's present term as this node knows it.
func (g *Group) Term() uint64 { return g.raft.CurrentTerm() }

// members returns who belongs to the group, as far as this node knows.
func (g *Group) members() (*api.Membership, error) {
	future := g.raft.GetConfiguration()
	if err := future.Error(); err != nil {
		return nil, api.Errorf(api.Unavailable, "look at the members", g.name(), "%s", err)
	}
	_, leader := g.raft.LeaderWithID()
	m := &api.Membership{Leader: string(leader)}
	for _, s := range future.Configuration().Servers {
		if s.Suffrage == raft.Voter {
			m.Voters = append(m.Voters, string(s.ID))
		} else {
			m.Learners = append(m.Learners, string(s.ID))
		}
	}
	return m, nil
}

// agreedMembers returns who belongs to the group, as it has agreed, which its leader knows. A change counts for raft before that, and may be undone:
// of those that an earlier leader left, whoever is ready knows better, and its own are counted. (Raft's own future of them, 1.8.0, has no index.)
func (g *Group) agreedMembers() (*api.Membership, error) {
	m, err := g.members()
	if err == nil {
		err = g.agreed("look at the members")
	}
	return m, err
}

// agreed returns an error unless what raft counts as the members is what the group has agreed to.
func (g *Group) agreed(doing string) error {
	if g.changes.Load() > 0 || !g.Leads() || !g.ready.In(g.Term()) {
		return api.Errorf(api.Unavailable, doing, g.name(), "the members are being changed; ask again")
	}
	return nil
}

func timeLeft(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return max(time.Until(end), time.Millisecond)
	}
	return time.Minute
}

func (g *Group) name() string { return fmt.Sprint("in group ", g.config.Number) }

func (g *Group) notLeader(doing string) *api.Error {
	_, leader := g.raft.LeaderWithID()
	e := api.Errorf(api.NotLeader, doing, g.name(), "the leader is %q", leader)
	e.Leader = string(leader)
	return e
}
