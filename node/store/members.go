package store

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/api"
	"picloud/node/wait"
)

// catchUpLook is how often a learner is asked how far it is.
const catchUpLook = 200 * time.Millisecond

// members changes who belongs to a group, and returns who does. It is served by the group's leader. Each
// change may be asked for again: what is done already stays done.
func (s *Store) members(ctx context.Context, body []byte) ([]byte, error) {
	var call api.MembersCall
	if err := decode(api.MethodMembers, body, &call); err != nil {
		return nil, err
	}
	if len(call.Add)+len(call.Remove)+len(call.Lead) != max(len(call.Add), len(call.Remove), len(call.Lead)) {
		return nil, malformed(api.MethodMembers, errors.New("one change at a time"))
	}
	g, err := s.serving(call.Group)
	if err != nil {
		return nil, err
	}
	if err := g.confirmed(ctx, s.confirmer, "look at the members"); err != nil {
		return nil, err
	}
	members := g.members
	switch {
	case call.Add != "":
		done := s.changing(g, "add "+call.Add)
		err = s.add(ctx, g, call.Add)
		done(err)
	case call.Remove != "":
		done := s.changing(g, "remove "+call.Remove)
		err = s.remove(ctx, g, call.Remove)
		done(err)
	case call.Lead != "":
		err = g.lead(call.Lead, s.port.Address(call.Lead))
	default:
		members = g.agreedMembers
	}
	if err != nil {
		return nil, err
	}
	now, err := members()
	if err != nil {
		return nil, err
	}
	return json.Marshal(now)
}

// changing logs that a change of members begins, and returns what logs its end. A leader that removes itself
// is not in the middle of anything when it ceases to lead.
func (s *Store) changing(g *Group, what string) (done func(error)) {
	if what == "remove "+s.config.Node {
		return func(error) {}
	}
	return logChange(s.log, g.config.Number, what)
}

// logChange logs a beginning, and returns what logs the end.
func logChange(log *slog.Logger, group uint32, what string) (done func(error)) {
	id := rand.Uint32()
	log.Info("change begins", "group", group, "id", id, "what", what)
	return func(err error) {
		why := ""
		if err != nil {
			why = err.Error()
		}
		log.Info("change ends", "group", group, "id", id, "what", what, "error", why)
	}
}

// add makes a node a member that learns, waits until it has caught up, and lets it vote.
func (s *Store) add(ctx context.Context, g *Group, node string) error {
	now, err := g.members()
	if err != nil {
		return err
	}
	if slices.Contains(now.Voters, node) {
		return g.agreed("add " + node)
	}
	call := api.HostCall{Group: g.config.Number, Leader: s.config.Node, Term: g.Term(), Agreed: g.raft.CommitIndex()}
	if err := s.tellHost(ctx, node, call); err != nil {
		return err
	}
	id, address := raft.ServerID(node), s.port.Address(node)
	if !slices.Contains(now.Learners, node) {
		learns := func() raft.Future { return g.raft.AddNonvoter(id, address, 0, timeLeft(ctx)) }
		if err := g.changeMembers(learns, "add "+node); err != nil {
			return err
		}
	}
	if err := s.caughtUp(ctx, g, node); err != nil {
		return err
	}
	votes := func() raft.Future { return g.raft.AddVoter(id, address, 0, timeLeft(ctx)) }
	return g.changeMembers(votes, "let "+node+" vote")
}

// caughtUp waits until a learner has applied what its leader had when the waiting began.
func (s *Store) caughtUp(ctx context.Context, g *Group, node string) error {
	want, _ := g.state.Applied()
	for {
		has, err := s.askOne(ctx, node, api.MethodApplied, g.config.Number)
		if err == nil && has >= want {
			return nil
		}
		if !g.Leads() {
			return g.notLeader("add " + node)
		}
		if !wait.For(ctx, catchUpLook) {
			return api.Errorf(api.Unavailable, "add "+node, g.name(), "it learns, and has entry %d of %d (%v); ask again", has, want, err)
		}
	}
}

// askOne asks a node for a number of its member of a group.
func (s *Store) askOne(ctx context.Context, node, method string, group uint32) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, confirmLimit)
	defer cancel()
	n, err := s.askEach(ctx, node, method, []uint32{group})
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// remove ends a node's membership, and tells it so that it forgets what it has.
func (s *Store) remove(ctx context.Context, g *Group, node string) error {
	now, err := g.members()
	if err != nil {
		return err
	}
	if len(now.Voters) == 1 && now.Voters[0] == node {
		return api.Errorf(api.BadRequest, "remove "+node, g.name(), "it is the last that votes")
	}
	if now.Has(node) {
		goes := func() raft.Future { return g.raft.RemoveServer(raft.ServerID(node), 0, timeLeft(ctx)) }
		if err := g.changeMembers(goes, "remove "+node); err != nil {
			return err
		}
	} else if err := g.agreed("remove " + node); err != nil {
		return err
	}
	if err := s.tellHost(ctx, node, api.HostCall{Group: g.config.Number, End: true}); err != nil {
		s.log.Info("a node was removed and does not answer", "group", g.config.Number, "node", node, "error", err.Error())
	}
	return nil
}

// lead hands the leadership to a node.
func (g *Group) lead(node string, address raft.ServerAddress) error {
	if node == g.config.Node {
		return nil
	}
	err := g.await(g.raft.LeadershipTransferToServer(raft.ServerID(node), address))
	g.transfer.took(err)
	return g.kinded(err, "let "+node+" lead")
}

// changeMembers begins a change of members, waits for it and returns its error with a kind.
func (g *Group) changeMembers(begin func() raft.Future, doing string) error {
	g.changes.Add(1)
	defer g.changes.Add(-1)
	return g.kinded(g.await(begin()), doing)
}

// kinded returns the error of a change with a kind.
func (g *Group) kinded(err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return g.notLeader(doing)
	}
	return api.Errorf(api.Unknown, doing, g.name(), "%s", err)
}

// tellHost tells a node, which may be this one, to begin or to end to have a member of a group.
func (s *Store) tellHost(ctx context.Context, node string, call api.HostCall) error {
	body, err := json.Marshal(call)
	if err != nil {
		return err
	}
	_, err = s.peers.Call(ctx, node, api.MethodHost, body)
	return err
}

// hostCall begins or ends to have a member of a group.
func (s *Store) hostCall(ctx context.Context, body []byte) ([]byte, error) {
	var call api.HostCall
	if err := decode(api.MethodHost, body, &call); err != nil {
		return nil, err
	}
	if call.End {
		return nil, s.endMember(ctx, call.Group)
	}
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.group(call.Group); err == nil {
		return nil, nil
	}
	if _, err := s.db.Log(call.Group); err != nil && !isDamage(err) {
		return nil, malformed(api.MethodHost, err)
	}
	m, err := join(s.host.Disk, s.db, &call, string(s.port.Address(call.Leader)))
	if err != nil {
		return nil, s.unlessDamaged(err)
	}
	return nil, s.open(m)
}
