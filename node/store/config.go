package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"picloud/node/api"
)

// Config says how a node takes part in the store.
type Config struct {
	Cloud string   // the cloud's name: a disk that another cloud has written is refused
	Node  string   // this node's name, which the others dial
	Nodes []string // all nodes that have a part in the store
	Port  string   // where all nodes listen for one another and for clients
	// First is the groups and members with which the cloud begins, the same on all its first nodes. It
	// counts only where the disk holds nothing yet, and is nil on a node that comes later, or whose card
	// was replaced: such a node has what the groups' leaders give it, and joins anew the groups that still
	// take it for a member.
	First *api.ShardMap

	Patience      time.Duration // see GroupConfig
	SnapshotEvery uint64
	TrailingLogs  uint64
	DigestEvery   uint64
	DiskLimit     time.Duration
	KeepRevisions uint64        // of each group's history, for watches that are behind
	KeepBytes     uint64        // of it, about; the older half goes where it is more
	ScrubEvery    time.Duration // how often logs and states are read as a whole
	MemTableBytes uint64        // of Pebble
	CacheBytes    int64         // of Pebble
}

// DefaultConfig is for nodes on memory cards: patient enough for their pauses.
func DefaultConfig(node string, nodes ...string) Config {
	return Config{
		Cloud: "picloud", Node: node, Nodes: nodes, Port: "7000",
		Patience:      time.Second,
		SnapshotEvery: 10_000, TrailingLogs: 10_000, DigestEvery: 4096,
		DiskLimit:     8 * time.Second,
		KeepRevisions: 100_000, KeepBytes: 1 << 30,
		ScrubEvery:    10 * time.Minute,
		MemTableBytes: 16 << 20, CacheBytes: 8 << 20,
	}
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	if n, err := strconv.Atoi(c.Port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("store: %q is not a port", c.Port)
	}
	if c.Cloud == "" {
		return errors.New("store: a cloud has a name")
	}
	if c.KeepRevisions == 0 || c.KeepBytes == 0 || c.ScrubEvery <= 0 {
		return errors.New("store: a node keeps some revisions, and reads its disk now and then")
	}
	if !slices.Contains(c.Nodes, c.Node) {
		return fmt.Errorf("store: %q is not among the nodes %q", c.Node, c.Nodes)
	}
	if c.First != nil {
		if err := c.First.Validate(); err != nil {
			return fmt.Errorf("store: the first groups: %w", err)
		}
	}
	g := c.group(membership{}, nil, Told{func(string) {}, func(error) {}, func(time.Duration) {}, func(error) {}})
	return g.Validate()
}

// first returns the shard of a group with which the cloud began, nil if there was none.
func (c *Config) first(group uint32) *api.Shard {
	if c.First == nil {
		return nil
	}
	i := slices.IndexFunc(c.First.Shards, func(s api.Shard) bool { return s.Group == group })
	if i < 0 {
		return nil
	}
	return &c.First.Shards[i]
}

// group returns the configuration of a member of a group.
func (c *Config) group(m membership, first []string, t Told) GroupConfig {
	return GroupConfig{
		Number: m.group, Node: c.Node, First: first, VotesFrom: m.votesFrom,
		Patience:      c.Patience,
		SnapshotEvery: c.SnapshotEvery, TrailingLogs: c.TrailingLogs, DigestEvery: c.DigestEvery,
		DiskLimit: c.DiskLimit, Told: t,
	}
}
