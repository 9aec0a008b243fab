package storecloud

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"picloud/node/api"
	"picloud/node/client"
)

// moveEvery is the mean time between two changes of members, moveLimit how long one may take.
const (
	moveEvery = 6 * time.Second
	moveLimit = 15 * time.Second
)

// members is how many voting members a group has when nothing is being moved.
const members = 3

// mover moves members of groups from node to node.
type mover struct {
	store  *client.Client
	log    *slog.Logger
	config *ClientConfig
}

func (m *mover) run(ctx context.Context) {
	for ctx.Err() == nil {
		time.Sleep(moveEvery/2 + rand.N(moveEvery))
		if m.config.FinalReads > 0 && m.config.sinceStart() >= m.config.FinalReads {
			return
		}
		limited, cancel := context.WithTimeout(ctx, moveLimit)
		m.move(limited, uint32(rand.IntN(m.config.Groups)))
		cancel()
	}
}

// move hands over a group's leadership, or replaces a member by another node. One that was left in the middle
// is brought to its end.
func (m *mover) move(ctx context.Context, group uint32) {
	now, err := m.change(ctx, api.MembersCall{Group: group})
	if err != nil {
		return
	}
	switch {
	case len(now.Learners) > 0:
		m.change(ctx, api.MembersCall{Group: group, Add: now.Learners[0]})
	case len(now.Voters) > members:
		m.change(ctx, api.MembersCall{Group: group, Remove: pick(now.Voters)})
	case rand.IntN(4) == 0:
		m.change(ctx, api.MembersCall{Group: group, Lead: pick(now.Voters)})
	default:
		if _, err := m.change(ctx, api.MembersCall{Group: group, Add: pick(others(m.config.Nodes, now.Voters))}); err == nil {
			m.change(ctx, api.MembersCall{Group: group, Remove: pick(now.Voters)})
		}
	}
}

func (m *mover) change(ctx context.Context, call api.MembersCall) (*api.Membership, error) {
	now, err := m.store.Members(ctx, call)
	if err != nil {
		m.log.Info("move", "call", call, "error", err.Error())
	} else if call != (api.MembersCall{Group: call.Group}) {
		m.log.Info("move", "call", call, "members", now)
	}
	return now, err
}

func pick(nodes []string) string { return nodes[rand.IntN(len(nodes))] }
