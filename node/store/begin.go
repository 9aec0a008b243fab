package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/wait"
)

// A node whose disk holds nothing is new, like its cloud, or an old member with a new card. As an old member it must not vote: what it
// voted and acknowledged is forgotten. Only others can tell, and one of them may have been cut off from the rest since the group was new.
// So a node begins a group only when all the group's first members have said that they know of nothing that it has done. One that knows
// better is enough for the contrary. Until then the node waits, and has no member of the group.
//
// What this does not tell from a new group: one whose copies are all gone, and one that had elected its first leader and agreed to
// nothing yet when that one ended.

// How far a group has come, as a node says when asked.
const (
	notBegun = iota // the node is no first member of it, or does not know
	begun           // the node has a member, which has heard of nothing but the group's first members
	hasRun          // members have agreed to something
)

const (
	beginLimit = time.Second            // how long another node may take to say how far a group is
	beginPause = 100 * time.Millisecond // between two rounds of questions
	beginSay   = 10 * time.Second       // how often a node says that it waits
)

// openHosted opens the groups that the disk has. On a disk that holds nothing these are those with which the cloud begins, which Run finds out.
func (s *Store) openHosted() error {
	groups, state, err := hosted(s.db.Pebble())
	if err != nil {
		return s.unlessDamaged(err)
	}
	here := map[uint32]bool{}
	for _, m := range groups {
		here[m.group] = true
		if err := s.open(m); err != nil {
			return err
		}
	}
	if s.rejoins = state != beganHere; state != 0 || s.config.First == nil {
		return nil
	}
	for _, shard := range s.config.First.Shards {
		if slices.Contains(shard.Members, s.config.Node) && !here[shard.Group] {
			s.undecided[shard.Group] = true
		}
	}
	if len(others(s.config.Nodes, s.config.Node)) == 0 { // nobody to ask
		return s.decide(nil)
	}
	return nil
}

// settle finds out of each group that is undecided whether it is new, and begins it then, until none is left or the context ends.
func (s *Store) settle(ctx context.Context) error {
	for said := time.Now(); ; {
		groups := s.unsettled()
		if len(groups) == 0 {
			return nil
		}
		if err := s.decide(s.askHowFar(ctx, groups)); err != nil {
			return err
		}
		if time.Since(said) > beginSay {
			said = time.Now()
			s.log.Info("groups wait until all their first members have said that they are new", "groups", s.unsettled())
		}
		if !wait.For(ctx, beginPause) {
			return nil
		}
	}
}

// unsettled returns the groups that are undecided, in order.
func (s *Store) unsettled() []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.undecided))
}

// askHowFar asks all other nodes how far some groups are, and returns what those say that answer, by node and group.
func (s *Store) askHowFar(ctx context.Context, groups []uint32) map[string]map[uint32]uint64 {
	ctx, cancel := context.WithTimeout(ctx, beginLimit)
	defer cancel()
	type said struct {
		node string
		far  map[uint32]uint64
	}
	nodes := others(s.config.Nodes, s.config.Node)
	answers := make(chan said, len(nodes))
	for _, node := range nodes {
		go func() {
			far := map[uint32]uint64{}
			numbers, err := s.askEach(ctx, node, api.MethodHowFar, groups)
			for i, group := range groups {
				switch {
				case err == nil:
					far[group] = numbers[i]
				case api.KindOf(err) == api.Lost: // what is lost was there
					far[group] = hasRun
				}
			}
			answers <- said{node, far}
		}()
	}
	heard := map[string]map[uint32]uint64{}
	for range nodes {
		a := <-answers
		heard[a.node] = a.far
	}
	return heard
}

// decide begins the groups that are new, and strikes those off that are not: the node is to join these anew.
func (s *Store) decide(heard map[string]map[uint32]uint64) error {
	s.change.Lock()
	defer s.change.Unlock()
	for _, group := range s.unsettled() {
		ran, isNew := s.verdict(group, heard)
		if _, err := s.group(group); err != nil && isNew && !ran {
			m := membership{group: group, how: beganHere}
			if err := setRow(s.db.Pebble(), hostedKey(group), m.row()); err != nil {
				return err
			}
			if err := s.open(m); err != nil {
				return err
			}
		}
		if ran || isNew {
			s.mu.Lock()
			delete(s.undecided, group)
			s.mu.Unlock()
		}
	}
	if len(s.unsettled()) > 0 {
		return nil
	}
	return set(s.db.Pebble(), begunKey, rejoining)
}

// verdict tells whether a group has run, and whether all who must be asked whether it is new have answered.
func (s *Store) verdict(group uint32, heard map[string]map[uint32]uint64) (ran, isNew bool) {
	for _, far := range heard {
		ran = ran || far[group] == hasRun
	}
	if mutant.Planted == mutant.HastyBegin {
		return ran, true
	}
	asked := others(s.config.first(group).Members, s.config.Node)
	if len(asked) == 0 { // whom else it has had since, others know
		asked = others(s.config.Nodes, s.config.Node)
	}
	return ran, !slices.ContainsFunc(asked, func(node string) bool {
		_, answered := heard[node][group]
		return !answered
	})
}

// howFar says how far some groups are.
func (s *Store) howFar(_ context.Context, body []byte) ([]byte, error) {
	groups, err := groupsIn(body)
	if err != nil {
		return nil, malformed(api.MethodHowFar, err)
	}
	answer := make(api.Numbers, len(groups))
	for i, group := range groups {
		answer[i] = s.howFarIs(group)
	}
	return answer.Encode(), nil
}

func (s *Store) howFarIs(group uint32) uint64 {
	g, err := s.group(group)
	if err != nil {
		shard := s.config.first(group)
		s.mu.Lock()
		defer s.mu.Unlock()
		if shard == nil || !slices.Contains(shard.Members, s.config.Node) || s.undecided[group] {
			return notBegun
		}
		return hasRun // it had a member once, or has heard that others have
	}
	_, leader := g.raft.LeaderWithID()
	if index, _ := g.state.Applied(); index > 1 || leader != "" { // the first entry is the first members
		return hasRun
	}
	return begun
}

// waits says which groups keep a node from being done with its beginning.
func (s *Store) waits() error {
	if groups := s.unsettled(); len(groups) > 0 {
		return fmt.Errorf("store: it is not known yet whether the groups %v are new", groups)
	}
	return nil
}
