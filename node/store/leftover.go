package store

import (
	"context"
	"errors"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/wait"
)

// A node that is away while a group removes it is not told, and a leader that removes itself cannot ask whether it is out before there is another
// one. Such a member would stand for ever on the card, and be taken for one that is cut off. So a node whose member hears nothing asks the group.

const (
	leftoverLook = 2 * time.Second
	// leftoverAfter is how old a member is that may be one: a leader that wants a new one tells its node first, and then the group.
	leftoverAfter = 5 * time.Second
	// endLimit is how long the group is asked whether a member is to end.
	endLimit = 2 * time.Second
)

// endLeftovers ends members of which the node was not told that they are none.
func (s *Store) endLeftovers(ctx context.Context) {
	if mutant.Planted == mutant.KeptMember {
		return
	}
	for wait.For(ctx, leftoverLook) {
		for _, g := range s.all() {
			if g.inTouch() || time.Since(g.opened) < leftoverAfter {
				continue
			}
			if err := s.endMember(ctx, g.config.Number); err == nil {
				s.log.Info("a member is left over, and ends", "group", g.config.Number)
			}
		}
	}
}

// endMember ends to have a member of a group and forgets what it has, if there is one. A member that its group has is not ended, whoever says so and
// however late: the group is asked.
func (s *Store) endMember(ctx context.Context, group uint32) error {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	s.change.Lock()
	defer s.change.Unlock()
	g, err := s.group(group)
	if err != nil {
		return nil
	}
	switch is, err := s.isStillMember(ctx, group); {
	case err != nil:
		return err
	case is:
		return api.Errorf(api.BadRequest, "end the member", g.name(), "%s is a member", s.config.Node)
	}
	s.mu.Lock()
	delete(s.groups, group)
	s.mu.Unlock()
	return errors.Join(g.Close(), forget(s.host.Disk, s.db, group))
}

// isStillMember asks the group whether this node is a member. It is where there is no other node.
func (s *Store) isStillMember(ctx context.Context, group uint32) (bool, error) {
	if len(others(s.config.Nodes, s.config.Node)) == 0 {
		return true, nil
	}
	c, err := s.clientOfOthers()
	if err != nil {
		return false, err
	}
	defer c.Close()
	return s.isMember(ctx, c, group)
}
