// Package health acts on what the hardware of a node shows, so that the cloud survives it: it drives the fan, takes work off a node that
// is hot or badly fed, takes it out of service, turns it off, ends it before a dying card loses more, and cuts a neighbour's power for
// a while that hangs. README.md has the table of rules.
//
// Invariants:
//   - What is not known neither raises a rule nor clears it.
//   - An action stands in the journal before it is done. What others must not do at the same time (drain, halt, fence, cycle) is
//     written there by a transaction that holds only while the node has the cluster's budget, with its fencing token.
//   - At most one node has the budget at a time, and gets it only if every group of the store keeps a majority of well members
//     without the node that is treated.
//   - A node cuts off neither itself, nor one that somebody else treats, nor one that has the only copy of anything that is up to date.
//   - With the mode dry nothing is done, and all is said.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/owned"
)

// Mode says whether what is decided is done.
type Mode string

// The modes.
const (
	On  Mode = "on"
	Dry Mode = "dry" // it is only said
	Off Mode = "off"
)

// Config says how a node looks after its health.
type Config struct {
	Mode       Mode
	Rules      []Rule   // DefaultRules if it is nil
	Neighbours []string // the nodes that it asks whether they are there
	// Shelves are those neighbours that share a supply, by the shelf's name: when it comes back they are given power one after another.
	Shelves    map[string][]string
	SupplyMost physic.Power // that of the supply of the node and of those that it measures; 0 if nobody knows

	Every   time.Duration // between looks at the hardware, and at what follows
	Ask     time.Duration // between questions to neighbours
	Refresh time.Duration // between words to the store that the node is there
	Live    time.Duration // for how long such a word counts, and the budget without one
	Open    time.Duration // for how long a neighbour has no power
	Settle  time.Duration // until the current shows that a relay has moved
	Judge   time.Duration // after which a neighbour should be back
	Probe   time.Duration // between looks whether the card gives back what was written
	Stagger time.Duration // between neighbours that get their power back
}

// DefaultConfig is for nodes on a shelf. A Pi starts in 30 to 60 s, and is judged after three times as long.
func DefaultConfig() Config {
	return Config{Mode: On, Every: 2 * time.Second, Ask: 2 * time.Second, Refresh: 3 * time.Second, Live: 12 * time.Second, Open: 10 * time.Second,
		Settle: 2 * time.Second, Judge: 180 * time.Second, Probe: time.Minute, Stagger: 5 * time.Second}
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	switch c.Mode {
	case On, Dry, Off:
	default:
		return fmt.Errorf("health: a mode is on, dry or off, not %.40q", c.Mode)
	}
	if c.Every <= 0 || c.Ask <= 0 || c.Refresh <= 0 || c.Open <= 0 || c.Settle <= 0 || c.Judge <= 0 || c.Probe <= 0 || c.Stagger <= 0 {
		return errors.New("health: a time is not positive")
	}
	if c.Live < 2*c.Refresh {
		return fmt.Errorf("health: a word counts for at least two refreshes, not for %s where there is one every %s", c.Live, c.Refresh)
	}
	if c.Settle >= c.Open {
		return fmt.Errorf("health: a relay that is open for %s has not settled after %s", c.Open, c.Settle)
	}
	if least := 3 * max(c.Ask, c.Refresh); c.missed() < least {
		return fmt.Errorf("health: a neighbour is missed after %s, before it has had the %s of three questions and words", c.missed(), least)
	}
	names := map[string]bool{}
	for i := range c.Rules {
		if err := c.Rules[i].validate(); err != nil {
			return err
		}
		if names[c.Rules[i].Name] {
			return fmt.Errorf("health: rule %.40q stands there twice", c.Rules[i].Name)
		}
		names[c.Rules[i].Name] = true
	}
	if len(c.Neighbours) > maxNeighbours {
		return fmt.Errorf("health: a node has at most %d neighbours, not %d: say which", maxNeighbours, len(c.Neighbours))
	}
	for i, n := range c.Neighbours {
		if n == "" || strings.Contains(n, "/") || slices.Contains(c.Neighbours[:i], n) {
			return fmt.Errorf("health: neighbours[%d]: %.40q is no name of a node, or stands there twice", i, n)
		}
	}
	for shelf, nodes := range c.Shelves {
		for _, n := range nodes {
			if !slices.Contains(c.Neighbours, n) {
				return fmt.Errorf("health: shelves: %s: %.40q is not among the neighbours", shelf, n)
			}
		}
	}
	return nil
}

// Group is a group of the store, as its leader and its members say.
type Group struct {
	Number  uint32
	Leader  string            // empty if nobody leads
	Voters  []string          // sorted
	Applied map[string]uint64 // the last entry that a member has applied; members that did not say are not there
}

// Self is what health can do to its own node. All of it may be called again and again, and takes no more than a few seconds.
type Self interface {
	// SetWork bounds the work that comes to the node, in millionths: how much of what others would be given, and how much of what it can take.
	SetWork(weight, share int)
	// SetDraining has all instances on the node say that they want nothing new, or that they do again.
	SetDraining(bool)
	// SetLeading lets the node lead groups of the store, or has it give away those that it leads to nodes that may.
	SetLeading(lead bool)
	// SetResting holds back what the store can do later.
	SetResting(bool)
	// Fence stops the store, which acknowledges nothing more, and has the node end with the reason.
	Fence(why string)
	// Syncs says how long writes to the card take; an error if there are none to speak of.
	Syncs() (Syncs, error)
}

// Kit is what an engine works with.
type Kit struct {
	Owner  owned.Owner // the cloud and the node
	Store  api.Store
	Disk   vfs.FS
	Board  hw.Board
	Last   func() (hw.Reading, time.Time) // the last reading of the board, and when it was read
	Backup []string                       // the neighbours whose relays another node drives as long as it can
	Self   Self
	// Groups returns the groups of the store, each as its leader confirms it now. It fails if one has not said.
	Groups func(context.Context) ([]Group, error)
	// Members changes the members of a group of the store; Spares are the nodes that can become members.
	Members func(context.Context, api.MembersCall) (*api.Membership, error)
	Spares  []string
	// Reach asks a node whether it is there.
	Reach     func(ctx context.Context, node string) error
	DiskTotal func() (int64, error) // bytes
	Log       *slog.Logger
}
