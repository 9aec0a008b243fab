package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/health"
	"picloud/node/host"
	"picloud/node/lambda"
	"picloud/node/owned"
	"picloud/node/presence"
	"picloud/node/store"
	"picloud/node/web"
)

// Health is the role that acts on what the hardware shows.
type Health struct {
	Mode       string              `yaml:"mode,omitempty"`         // on, dry or off; on if it is left out
	Neighbours []string            `yaml:"neighbours,omitempty"`   // whom it asks whether they are there; the other nodes with the store if it is left out
	Shelves    map[string][]string `yaml:"shelves,omitempty"`      // those of them that share a supply
	Supply     int                 `yaml:"supply-watts,omitempty"` // what the supply can give that feeds it and those that it measures; 0 if nobody knows
	Rules      map[string]Rule     `yaml:"rules,omitempty"`        // what is otherwise than in health.DefaultRules, by the rules' names

	Every   Duration `yaml:"every,omitempty"` // these as in health.Config, with its defaults
	Ask     Duration `yaml:"ask,omitempty"`
	Refresh Duration `yaml:"refresh,omitempty"`
	Live    Duration `yaml:"live,omitempty"`
	Open    Duration `yaml:"open,omitempty"`
	Settle  Duration `yaml:"settle,omitempty"`
	Judge   Duration `yaml:"judge,omitempty"`
	Probe   Duration `yaml:"probe,omitempty"`
	Stagger Duration `yaml:"stagger,omitempty"`
}

// Rule changes a rule of health, or is one that is new. What is left out stays as it was.
type Rule struct {
	Off      bool           `yaml:"off,omitempty"` // the node does without it
	Signal   string         `yaml:"signal,omitempty"`
	Raise    *int64         `yaml:"raise,omitempty"` // for all boards, also those with a soft limit
	Clear    *int64         `yaml:"clear,omitempty"`
	For      *Duration      `yaml:"for,omitempty"`
	Hold     *Duration      `yaml:"hold,omitempty"`
	CoolDown *Duration      `yaml:"cool-down,omitempty"`
	Stays    *bool          `yaml:"stays,omitempty"`
	Effect   *health.Effect `yaml:"effect,omitempty"`
}

// on returns a rule as it is changed.
func (c *Rule) on(r health.Rule) health.Rule {
	r.Signal = health.Signal(cmp.Or(c.Signal, string(r.Signal)))
	if c.Raise != nil || c.Clear != nil {
		r.SoftRaise, r.SoftClear = 0, 0
	}
	set(&r.Raise, c.Raise)
	set(&r.Clear, c.Clear)
	set(&r.Stays, c.Stays)
	set(&r.Effect, c.Effect)
	for of, d := range map[*time.Duration]*Duration{&r.For: c.For, &r.Hold: c.Hold, &r.CoolDown: c.CoolDown} {
		if d != nil {
			*of = d.Duration
		}
	}
	return r
}

func set[T any](of, to *T) {
	if to != nil {
		*of = *to
	}
}

// config returns the configuration of the role on a machine.
func (c *Health) config(nodes []string, name string) health.Config {
	h := health.DefaultConfig()
	h.Mode = health.Mode(cmp.Or(c.Mode, string(h.Mode)))
	if h.Neighbours = c.Neighbours; c.Neighbours == nil {
		h.Neighbours = slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == name })
	}
	h.Shelves, h.SupplyMost = c.Shelves, physic.Power(c.Supply)*physic.Watt
	for of, d := range map[*time.Duration]Duration{&h.Every: c.Every, &h.Ask: c.Ask, &h.Refresh: c.Refresh, &h.Live: c.Live, &h.Open: c.Open,
		&h.Settle: c.Settle, &h.Judge: c.Judge, &h.Probe: c.Probe, &h.Stagger: c.Stagger} {
		*of = cmp.Or(d.Duration, *of)
	}
	known := map[string]bool{}
	for _, r := range health.DefaultRules() {
		known[r.Name] = true
		change := c.Rules[r.Name]
		if !change.Off {
			h.Rules = append(h.Rules, change.on(r))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Rules)) {
		if change := c.Rules[name]; !known[name] && !change.Off {
			h.Rules = append(h.Rules, change.on(health.Rule{Name: name}))
		}
	}
	return h
}

func (c *Config) validateHealth() error {
	if c.Health == nil {
		return nil
	}
	if c.Health.Supply < 0 {
		return errors.New("node: health: supply-watts is negative")
	}
	known := map[string]bool{}
	for _, r := range health.DefaultRules() {
		known[r.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(c.Health.Rules)) {
		if r := c.Health.Rules[name]; !known[name] && (r.Signal == "" || r.Effect == nil) {
			return fmt.Errorf("node: health: rules: there is no rule %.40q, and one that is new has a signal and an effect", name)
		}
	}
	h := c.Health.config(c.Nodes, "")
	if err := h.Validate(); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	return nil
}

// owner says whose the files of the role are.
func (n *node) owner() owned.Owner {
	return owned.Owner{Cloud: cmp.Or(n.config.Cloud, store.DefaultConfig("").Cloud), Node: n.host.Name}
}

// Forgive lets a node that was fenced start again with the card that it has.
func Forgive(h *host.Host, c *Config) error {
	n := &node{host: h, config: c}
	if err := health.Forgive(h.Disk, n.owner()); err != nil {
		return fmt.Errorf("node: forgive: %w", err)
	}
	return nil
}

// mayStart says why the node must not start: it was fenced.
func (n *node) mayStart() error {
	if c := n.config.Health; c == nil || health.Mode(c.Mode) == health.Off {
		return nil
	}
	if why := health.Fenced(n.host.Disk, n.owner()); why != "" {
		return n.fence(why)
	}
	return nil
}

// fence says that the node ends for good. Nobody needs its watchdog to start it again.
func (n *node) fence(why string) error {
	n.fenced.Store(true)
	return &fenced{why}
}

// fenced is why a node has ended for good, as far as its card goes.
type fenced struct{ why string }

func (f *fenced) Error() string { return f.why }

// surrender says to the cluster that the node is out of service if it has a store and nothing can be written to its card: it could not even
// start. It takes nothing away that is there, and needs no budget.
func (n *node) surrender(ctx context.Context) error {
	c := n.config.Health
	if c == nil || cmp.Or(health.Mode(c.Mode), health.On) != health.On || n.config.Store == nil || n.board == nil {
		return nil
	}
	card := n.board.Read().Card
	if readOnly, err := card.ReadOnly.Get(); err != nil || !readOnly {
		return nil // unknown is not reason enough
	}
	cloud, err := n.client()
	if err != nil {
		return err
	}
	serial, _ := card.Serial.Get() // unknown is empty
	if err := health.Surrender(ctx, cloud, n.host.Name, serial); err != nil {
		return fmt.Errorf("node: nothing can be written to the card, and the cluster does not hear it: %w", err)
	}
	if d := n.config.Watchdog.Duration; d > 0 { // an earlier start of the node has left it armed
		dog, err := n.board.StartWatchdog(d)
		if err == nil {
			err = dog.Disarm()
		}
		if err != nil {
			n.host.Log.Warn("the watchdog cannot be disarmed, and will reset the board", "error", err.Error())
		}
	}
	return n.fence("nothing can be written to its card")
}

// beginHealth starts the role, once all roles are there that it acts on.
func (n *node) beginHealth(mux *http.ServeMux, s *store.Store, run runs) error {
	c := n.config.Health.config(n.config.Nodes, n.host.Name)
	if c.Mode == health.Off {
		return nil
	}
	cloud, err := n.client()
	if err != nil {
		return err
	}
	self := &self{stance: n.stance, lambda: n.lambda, store: s, fenced: make(chan string, 1)}
	transport := &http.Transport{DialContext: n.host.Network.DialContext, DisableKeepAlives: true}
	kit := health.Kit{Owner: n.owner(), Store: cloud, Disk: n.host.Disk, Board: hw.Board(noBoard{}), Self: self, Log: n.host.Log,
		Last:    func() (hw.Reading, time.Time) { return hw.Reading{}, time.Now() },
		Groups:  func(ctx context.Context) ([]health.Group, error) { return groupsOf(ctx, cloud) },
		Members: cloud.Members, Spares: n.config.Nodes,
		Reach: func(ctx context.Context, node string) error {
			if !web.Healthy(ctx, transport, net.JoinHostPort(node, n.config.HTTP), web.HealthPath, c.Ask) {
				return fmt.Errorf("node: %s does not answer at its port %s", node, n.config.HTTP)
			}
			return nil
		},
		DiskTotal: func() (int64, error) {
			if n.host.Meter == nil {
				return 0, errors.New("node: nobody knows how large the disk is")
			}
			u, err := n.host.Meter.Usage()
			return u.DiskTotal, err
		}}
	if n.board != nil {
		kit.Board, kit.Last = n.board, n.sampler.Last
	}
	for _, r := range n.config.Board.BackupRelays {
		kit.Backup = append(kit.Backup, r.Feeds)
	}
	e, err := health.New(c, kit, n.metrics)
	if err != nil {
		return err
	}
	n.proof.WhenCondemned(func() { e.Condemn("a core has failed its exams, or real work") })
	mux.Handle(health.Path, web.ReadOnly(e))
	n.host.Log.Info("health looks after the node", "mode", string(c.Mode))
	run("health", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		var all sync.WaitGroup
		defer all.Wait()
		defer cancel()
		all.Go(func() { e.Run(ctx) })
		select {
		case <-ctx.Done():
			return nil
		case why := <-self.fenced:
			return n.fence(why)
		}
	})
	return nil
}

// answerLimit is how long a member may take to say how far it is.
const answerLimit = time.Second

// groupsOf asks all groups of the store, and their members, how they stand.
func groupsOf(ctx context.Context, c *client.Client) (all []health.Group, err error) {
	shards, err := c.Shards(ctx)
	if err != nil {
		return nil, err
	}
	hosts := map[string][]uint32{}
	for i := range shards.Shards {
		m, err := c.Members(ctx, api.MembersCall{Group: shards.Shards[i].Group})
		if err != nil {
			return nil, err
		}
		g := health.Group{Number: shards.Shards[i].Group, Leader: m.Leader, Voters: slices.Sorted(slices.Values(m.Voters)), Applied: map[string]uint64{}}
		all = append(all, g)
		for _, node := range g.Voters {
			hosts[node] = append(hosts[node], g.Number)
		}
	}
	var mu sync.Mutex
	var asked sync.WaitGroup
	for node, groups := range hosts {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, answerLimit)
			defer cancel()
			applied, err := c.Applied(ctx, node, groups)
			if err != nil {
				return // what it has is not known
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range all {
				if at := slices.Index(groups, all[i].Number); at >= 0 {
					all[i].Applied[node] = applied[at]
				}
			}
		})
	}
	asked.Wait()
	return all, nil
}

// self is what health does to its own node.
type self struct {
	stance *presence.Stance
	lambda *lambda.Server // nil if it has none
	store  *store.Store   // nil if it has none
	fenced chan string

	mu    sync.Mutex
	wants presence.Wants
}

// want has instances and functions want what was set.
func (s *self) want(change func(*presence.Wants)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.wants)
	s.stance.Set(s.wants)
	if s.lambda != nil {
		s.lambda.Want(s.wants)
	}
}

func (s *self) SetWork(weight, share int) {
	s.want(func(w *presence.Wants) { w.Weight, w.Share = less(weight), less(share) })
}

// less returns a bound as presence has it, where 0 is none.
func less(n int) int {
	if n == presence.Full {
		return 0
	}
	return n
}

func (s *self) SetDraining(on bool) { s.want(func(w *presence.Wants) { w.Draining = on }) }

func (s *self) SetLeading(lead bool) {
	if s.store != nil {
		s.store.SetLeading(lead)
	}
}

func (s *self) SetResting(on bool) {
	if s.store != nil {
		s.store.SetResting(on)
	}
}

func (s *self) Fence(why string) {
	if s.store != nil {
		s.store.Fence()
	}
	select {
	case s.fenced <- why:
	default: // it is already
	}
}

func (s *self) Syncs() (health.Syncs, error) {
	if s.store == nil {
		return health.Syncs{}, errors.New("node: it has no store")
	}
	tail, slowest, waits := s.store.Syncs()
	return health.Syncs{Tail: tail, Slowest: slowest, Waits: waits}, nil
}

// noBoard is the board of a machine without hardware that is known.
type noBoard struct{}

var errNoBoard = &hw.Error{Kind: hw.Absent, Doing: "use", What: "the board", Err: errors.New("the machine has no hardware that is known")}

func (noBoard) Info() hw.Info {
	info := hw.Info{Has: map[hw.Capability]error{}}
	for _, c := range hw.Capabilities() {
		info.Has[c] = errNoBoard
	}
	return info
}
func (noBoard) Read() hw.Reading                                 { return hw.Reading{} }
func (noBoard) SetFan(hw.Duty) error                             { return errNoBoard }
func (noBoard) SetRelay(string, bool) error                      { return errNoBoard }
func (noBoard) LimitClock(physic.Frequency) error                { return errNoBoard }
func (noBoard) SetCore(int, bool) error                          { return errNoBoard }
func (noBoard) StartWatchdog(time.Duration) (hw.Watchdog, error) { return nil, errNoBoard }
func (noBoard) Halt() error                                      { return errNoBoard }
func (noBoard) Close() error                                     { return nil }
