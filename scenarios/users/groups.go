package users

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"picloud/node/host"
	"picloud/scenarios/history"
)

// Group is people of one sort on one machine, who do what is theirs from start to end.
type Group struct {
	Kind   string        // one of history.Sorts
	First  int           // number of the first of them, as a client
	Place  int           // how many of the kind are in groups before it
	Count  int           // of them
	Start  time.Duration // since the run began
	End    time.Duration // since the run began
	Pause  time.Duration // mean time between two actions of one
	Turn   time.Duration // since the run began, when a feed that was honest begins to lie
	Labels int           // how many texts moderators label before all else, together
	Delay  time.Duration // in which a moderator makes up the mind about a case
}

// Validate says what is wrong with the group.
func (g *Group) Validate() error {
	needs := func(what string) error { return fmt.Errorf("the group %s needs %s", g.Kind, what) }
	switch {
	case !slices.Contains(history.Sorts(), g.Kind):
		return fmt.Errorf("there is no group of the kind %q: there are %v", g.Kind, history.Sorts())
	case g.Count < 1 || g.Count > GroupMost:
		return needs(fmt.Sprintf("a count of 1 to %d, not %d", GroupMost, g.Count))
	case g.Start < 0 || g.End <= g.Start || g.Pause <= 0:
		return needs("a start, a later end and a pause")
	case (g.Kind == history.PoisonedFeed) != (g.Turn != 0) || g.Turn != 0 && (g.Turn < g.Start || g.Turn >= g.End):
		return needs("a turn between its start and its end if it is a " + history.PoisonedFeed + ", else none")
	case g.Kind != history.Moderator && (g.Labels != 0 || g.Delay != 0) || g.Labels < 0 || g.Delay < 0:
		return needs("no labels and no delay, which are what a " + history.Moderator + " has")
	}
	return nil
}

// GroupMost is how many people a group has at most.
const GroupMost = 1000

// GroupClient is the number of the client as which the first member of the first group is written down; each group has GroupMost.
const GroupClient = 3_000_000

// Plan is what groups know of each other.
type Plan struct {
	Moderators int           // how many there are
	Known      int           // users whose names attackers know: those with the first numbers
	Distrust   []Distrust    // what the first moderator does about feeds
	LateList   time.Duration // since the run began, when the second half of the bad pictures is put onto the list
}

// Distrust is when a source of labels is found out.
type Distrust struct {
	Source string
	At     time.Duration // since the run began
}

// AccountOf returns the account of the nth, from 1 on, moderator or feed: those that Pinboard's options name.
func AccountOf(kind string, n int) string {
	return map[string]string{history.Moderator: "moderator", history.PoisonedFeed: "feed"}[kind] + fmt.Sprintf("-%d", n)
}

// member is one of a group.
type member struct {
	*seat
	group *Group
	nth   int // of the kind, from 1 on
	crew  *crew

	listed map[string]bool // hosts that a moderator has put onto the list
}

// crew is what the members of a group have in common.
type crew struct {
	mu   sync.Mutex
	star string // whom all look at
}

// gather lets the groups of a machine come.
func (c *crowd) gather(ctx context.Context, h *host.Host, living *sync.WaitGroup) error {
	for i := range c.config.Groups {
		g := &c.config.Groups[i]
		together := &crew{}
		for n := range g.Count {
			w, err := newBrowser(h, &c.config)
			if err != nil {
				return err
			}
			w.hasty = (&history.Visit{Sort: g.Kind}).Attacker()
			m := &member{group: g, nth: g.Place + n + 1, crew: together,
				seat: &seat{crowd: c, web: w, number: g.First + n, place: n, sort: g.Kind}}
			living.Go(func() {
				defer w.client.CloseIdleConnections()
				m.live(ctx)
			})
		}
	}
	return nil
}

// live does what the member's kind does, from start to end.
func (m *member) live(ctx context.Context) {
	lives := map[string]func(context.Context){
		history.Moderator: m.moderate, history.FlashCrowd: m.flock, history.SpamWave: m.spam, history.SlowDrip: m.spam,
		history.Stuffing: m.stuff, history.PoisonedFeed: m.feed, history.BadPictures: m.spread,
	}
	time.Sleep(m.group.Start - m.config.sinceStart() + rand.N(m.group.Pause))
	lives[m.group.Kind](ctx)
}

// rest waits for about a pause, and tells whether there is time for another action.
func (m *member) rest(ctx context.Context) bool {
	time.Sleep(m.group.Pause/2 + rand.N(m.group.Pause))
	return m.present(ctx)
}

func (m *member) present(ctx context.Context) bool {
	return ctx.Err() == nil && m.config.sinceStart() < min(m.group.End, m.config.Until)
}

// come gets the member an account, and tries again until there is one or the time is over.
func (m *member) come(ctx context.Context, name string) bool {
	p := &person{name: name, password: fmt.Sprintf("%016x", rand.Uint64())}
	m.add(p)
	m.self = nil
	for m.present(ctx) && m.enrol(ctx, p) != history.OK && m.rest(ctx) {
	}
	return m.self != nil
}
