package health

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/wait"
)

// Engine looks after the health of a node.
type Engine struct {
	config  Config
	kit     Kit
	info    hw.Info
	me      string
	budget  budget
	journal *journal
	metrics *metrics

	mu        sync.Mutex
	machine   *Machine
	done      map[Action]deed // what was last done of the actions that need no budget
	stance    Effect
	drained   bool
	refusals  map[matter]string // why what is wished is not done
	heard     map[string]time.Time
	silent    map[string]hw.Value[time.Duration]
	answered  time.Time            // when the store last answered
	drives    map[string]time.Time // the neighbours whose relays the node drives: until when
	leftOff   map[string]bool      // the nodes that are left without power, as the store said last
	holdsOff  map[string]bool      // those that the node itself leaves without
	failed    map[matter]time.Time // of treat alone
	unfit     map[string]time.Time // spares that could not join a group, of replace alone
	owed      *debt                // of treat alone
	wasFree   map[string]bool      // of keep alone: the neighbours whose relays nobody drove when it looked last
	begun     time.Time
	cardLies  hw.Value[bool]
	condemned int64
	resets    resets
}

// deed is what was done.
type deed struct {
	to     string
	failed time.Time // zero if it was not
}

// wish is what a rule wants that needs the budget.
type wish struct {
	action  Action
	subject string
	rule    string
	value   int64
}

// matter is what a refusal is of.
type matter struct {
	action  Action
	subject string
}

// New returns an engine. Its metrics are registered.
func New(c Config, kit Kit, registerer prometheus.Registerer) (*Engine, error) {
	if c.Rules == nil {
		c.Rules = DefaultRules()
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	info := kit.Board.Info()
	e := &Engine{config: c, kit: kit, info: info, me: kit.Owner.Node, machine: NewMachine(c.Rules, info), metrics: newMetrics(c.Rules),
		budget:  budget{node: kit.Owner.Node, store: kit.Store, live: c.Live},
		journal: newJournal(kit.Owner, kit.Store, kit.Disk, kit.Log),
		done:    map[Action]deed{}, refusals: map[matter]string{}, heard: map[string]time.Time{}, silent: map[string]hw.Value[time.Duration]{},
		drives: map[string]time.Time{}, wasFree: map[string]bool{}, failed: map[matter]time.Time{},
		unfit: map[string]time.Time{}, holdsOff: map[string]bool{}}
	if err := registerer.Register(e.metrics); err != nil {
		return nil, fmt.Errorf("health: register metrics: %w", err)
	}
	return e, nil
}

// Condemn says that the processor was wrong. It counts for as long as the node runs.
func (e *Engine) Condemn(why string) {
	e.kit.Log.Error("the processor was wrong", "why", why)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.condemned++
}

// Run looks after the node until the context ends, and leaves things then as they are.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	e.begun = time.Now()
	for _, n := range e.config.Neighbours {
		e.heard[n] = e.begun // silence counts from now on
	}
	e.mu.Unlock()
	e.resets.begin(&e.kit, e.begun) // nobody else looks yet, and a card may take its time
	var all sync.WaitGroup
	for _, part := range []struct {
		every time.Duration
		do    func(context.Context)
	}{{e.config.Every, e.look}, {e.config.Every, e.treat}, {e.config.Ask, e.askNeighbours}, {e.config.Refresh, e.keep},
		{e.config.Probe, (&prober{Engine: e}).probe}, {e.config.Every, (&shelves{Engine: e}).look}, {replaceEvery, e.replace}} {
		all.Go(func() {
			for ctx.Err() == nil {
				part.do(ctx)
				wait.For(ctx, part.every)
			}
		})
	}
	all.Wait()
	e.resets.end(&e.kit)
	return nil
}

// look looks at the hardware once, and does what needs no budget.
func (e *Engine) look(ctx context.Context) {
	now := time.Now()
	sight := e.sight(now)
	e.mu.Lock()
	e.silent = sight.Silent
	decisions := e.machine.Decide(sight, now)
	e.stance = e.machine.Stance()
	standings, drained := e.machine.Standings(), e.drained
	e.mu.Unlock()
	e.metrics.see(e.me, standings)
	e.metrics.drained.Set(float64(truth(drained)))
	for _, d := range decisions {
		what := "a rule of health is cleared"
		if d.Raised {
			what = "a rule of health is raised"
			e.metrics.raised.WithLabelValues(d.Rule.Name).Inc()
		}
		e.kit.Log.WarnContext(ctx, what, "rule", d.Rule.Name, "signal", string(d.Rule.Signal), "value", d.Value, "subject", d.Subject)
	}
	e.adopt(ctx, decisions)
}

// sight is what the node sees now.
func (e *Engine) sight(now time.Time) Sight {
	s := Sight{}
	s.Board, s.Read = e.kit.Last()
	s.Syncs = hw.Read(e.kit.Self.Syncs())
	s.DiskTotal = hw.Read(e.kit.DiskTotal())
	if e.config.SupplyMost > 0 {
		s.SupplyMost = hw.Known(e.config.SupplyMost)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.CardLies, s.Condemned, s.Resets = e.cardLies, hw.Known(e.condemned), e.resets.count(now)
	s.Silent = e.silence(&s.Board, s.Read, now)
	return s
}

// wanted returns what rules want that needs the budget and was not done, what matters most first.
func (e *Engine) wanted() []wish {
	var by [4][]wish
	for _, s := range e.machine.Standings() {
		if !s.Stands {
			continue
		}
		f := s.Rule.Effect
		for i, w := range []struct {
			wants  bool
			action Action
		}{{f.Fence, Fence}, {f.Halt, Halt}, {f.Cycle, Cycle}, {f.Drain && !e.drained, Drain}} {
			if w.wants {
				subject := s.Subject
				if subject == "" {
					subject = e.me
				}
				by[i] = append(by[i], wish{w.action, subject, s.Rule.Name, s.Value})
			}
		}
	}
	var all []wish
	for _, some := range by {
		all = append(all, some...)
	}
	return all
}

// again is after how long something is tried again that failed.
const again = 30 * time.Second

// adopt does what the stance wants and was not done yet: the fan, then work that can wait, then other work.
func (e *Engine) adopt(ctx context.Context, decisions []Decision) {
	e.mu.Lock()
	s, drained := e.stance, e.drained
	e.mu.Unlock()
	lead := !s.Follow && !drained
	weight, share := orFull(s.Weight), orFull(s.Share)
	self := e.kit.Self
	for _, a := range []struct {
		action Action
		at0    string // as it is when nothing was done
		to     string
		has    hw.Capability // that it needs
		do     func() error
	}{
		{SetFan, "0", fmt.Sprint(int(s.Fan)), hw.DriveFan, func() error { return e.kit.Board.SetFan(s.Fan) }},
		{SetRest, "false", fmt.Sprint(s.Rest), "", func() error { self.SetResting(s.Rest); return nil }},
		{SetWork, "weight 1000000, share 1000000", fmt.Sprintf("weight %d, share %d", weight, share), "", func() error { self.SetWork(weight, share); return nil }},
		{SetLeading, "true", fmt.Sprint(lead), "", func() error { self.SetLeading(lead); return nil }},
		{SetClock, "0", fmt.Sprint(s.Clock), hw.DriveClock, func() error { return e.kit.Board.LimitClock(e.info.MaxClock / Full * physic.Frequency(s.Clock)) }},
		{AskForPart, "false", fmt.Sprint(s.Ask), "", func() error { e.metrics.asks.Set(float64(truth(s.Ask))); return nil }},
	} {
		if a.has != "" && e.info.Has[a.has] != nil {
			continue
		}
		e.once(ctx, a.action, a.at0, a.to, because(decisions), a.do)
	}
	if drained && !s.Drain && !s.Halt { // a board may be asked to turn off, and run on
		e.undrain(ctx)
	}
}

// because returns the first of the rules that were decided just now about the node itself.
func because(decisions []Decision) Entry {
	for _, d := range decisions {
		if d.Subject == "" {
			return Entry{Rule: d.Rule.Name, Value: d.Value}
		}
	}
	return Entry{}
}

func orFull(n int) int {
	if n == 0 {
		return Full
	}
	return n
}

// once does something unless it was done already.
func (e *Engine) once(ctx context.Context, action Action, at0, to string, cause Entry, do func() error) {
	e.mu.Lock()
	last, was := e.done[action]
	e.mu.Unlock()
	if !was {
		last.to = at0
	}
	if last.to == to && (last.failed.IsZero() || time.Since(last.failed) < again) {
		return
	}
	cause.Action, cause.To = action, to
	err := e.act(ctx, cause, do)
	now := deed{to: to}
	if err != nil {
		now.failed = time.Now()
	}
	e.mu.Lock()
	e.done[action] = now
	e.mu.Unlock()
}

// act writes down what is about to be done, and does it unless the mode is dry.
func (e *Engine) act(ctx context.Context, entry Entry, do func() error) error {
	entry.At, entry.Node, entry.Dry = time.Now(), e.me, e.config.Mode != On
	if err := e.journal.write(ctx, entry); err != nil {
		e.kit.Log.WarnContext(ctx, "the journal is kept in memory for now", "error", err.Error())
	}
	return e.carryOut(ctx, entry, do)
}

// carryOut does what stands in the journal, and says so.
func (e *Engine) carryOut(ctx context.Context, entry Entry, do func() error) error {
	var err error
	outcome := outcomeDry
	if !entry.Dry {
		if err, outcome = do(), outcomeDone; err != nil {
			outcome = outcomeFailed
		}
	}
	e.metrics.actions.WithLabelValues(string(entry.Action), outcome).Inc()
	why := ""
	if err != nil {
		why = err.Error()
	}
	e.kit.Log.WarnContext(ctx, "health acts", "action", string(entry.Action), "subject", entry.Subject, "to", entry.To, "rule", entry.Rule,
		"value", entry.Value, "token", entry.Token, "outcome", outcome, "error", why)
	return err
}

// lost tells whether an error says that a condition in the store did not hold.
func lost(err error) bool { return api.KindOf(err) == api.ConditionFailed }

var errUplink = errors.New("health: the node's own uplink does not work")
