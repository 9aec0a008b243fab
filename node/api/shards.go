package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Slots is how many slots partitions are spread over. A slot's partitions live in one group.
const Slots = 1 << 14

// System is the partition of what the store knows of itself. It always lives in the first group, so that
// the rest can be found.
const System = "sys"

// FirstGroup is the group that holds the partition System.
const FirstGroup uint32 = 0

// ShardsKey is where the shard map stands.
const ShardsKey = System + "/shards"

// Slot returns the slot of a partition.
func Slot(partition string) uint32 { return uint32(xxhash.Sum64String(partition) % Slots) }

// SlotRange is the slots from From up to End.
type SlotRange struct {
	From uint32 `json:"from"`
	End  uint32 `json:"end"`
}

// Shard is a group with what it holds.
type Shard struct {
	Group uint32      `json:"group"`
	Slots []SlotRange `json:"slots"`
	// Members are the nodes that have a member of the group, as far as is known: a hint where to ask.
	Members []string `json:"members"`
	// First hand: the node that says so is one of them.
	FirstHand bool `json:"first_hand,omitempty"`
}

// Holds tells whether the shard holds a partition.
func (s *Shard) Holds(partition string) bool { return Holds(s.Group, s.Slots, partition) }

// Holds tells whether a group that has some slots holds a partition.
func Holds(group uint32, slots []SlotRange, partition string) bool {
	if partition == System {
		return group == FirstGroup
	}
	slot := Slot(partition)
	return slices.ContainsFunc(slots, func(r SlotRange) bool { return r.From <= slot && slot < r.End })
}

// ShardMap says which group holds which partitions.
type ShardMap struct {
	Shards []Shard `json:"shards"` // by group
}

// Of returns the shard that holds a partition.
func (m *ShardMap) Of(partition string) (*Shard, error) {
	for i := range m.Shards {
		if m.Shards[i].Holds(partition) {
			return &m.Shards[i], nil
		}
	}
	return nil, Errorf(WrongGroup, "look for the group", fmt.Sprintf("of the partition %.80q", partition), "no group holds it")
}

// Validate says what is wrong with the map: each slot is in one group.
func (m *ShardMap) Validate() error {
	type owned struct {
		SlotRange
		group uint32
	}
	var all []owned
	for i := range m.Shards {
		s := &m.Shards[i]
		if i > 0 && m.Shards[i-1].Group >= s.Group {
			return fmt.Errorf("the groups of a shard map are in order, and %d comes after %d", s.Group, m.Shards[i-1].Group)
		}
		if len(s.Members) == 0 {
			return fmt.Errorf("group %d has no members", s.Group)
		}
		for _, r := range s.Slots {
			all = append(all, owned{r, s.Group})
		}
	}
	slices.SortFunc(all, func(a, b owned) int { return cmp.Compare(a.From, b.From) })
	next := uint32(0)
	for _, r := range all {
		if r.From != next || r.End <= r.From || r.End > Slots {
			return fmt.Errorf("slot %d is in no group, or in more than one (group %d has %d up to %d)", next, r.group, r.From, r.End)
		}
		next = r.End
	}
	if next != Slots || m.Shards[0].Group != FirstGroup {
		return fmt.Errorf("a shard map has all slots from 0 up to %d, and the group %d", Slots, FirstGroup)
	}
	return nil
}

// Encode returns the map as it stands in the store.
func (m *ShardMap) Encode() ([]byte, error) { return json.Marshal(m) }

// DecodeShardMap reads a map and validates it.
func DecodeShardMap(data []byte) (*ShardMap, error) {
	m := &ShardMap{}
	err := json.Unmarshal(data, m)
	if err == nil {
		err = m.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("api: a shard map: %w", err)
	}
	return m, nil
}

// Spread spreads all slots evenly over groups with these members; the first is group FirstGroup.
func Spread(members [][]string) *ShardMap {
	m := &ShardMap{}
	n := uint32(len(members))
	for i := range n {
		m.Shards = append(m.Shards, Shard{
			Group: FirstGroup + i, Slots: []SlotRange{{i * Slots / n, (i + 1) * Slots / n}}, Members: members[i],
		})
	}
	return m
}
