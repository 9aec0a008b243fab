package storecloud

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"picloud/node/api"
	"picloud/node/client"
)

// moveEvery is the mean time between two changes of members, moveLimit how long one may take.
const (
	moveEvery = 3 * time.Second
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
	m.load(ctx)
	for m.config.Moves && ctx.Err() == nil {
		time.Sleep(moveEvery/2 + rand.N(moveEvery))
		if m.config.FinalReads > 0 && m.config.SinceStart() >= m.config.FinalReads {
			return
		}
		limited, cancel := context.WithTimeout(ctx, moveLimit)
		m.move(limited, uint32(rand.IntN(m.config.Groups)))
		cancel()
	}
}

// ballastBytes is the size of a record of ballast.
const ballastBytes = 28 << 10

// load puts the ballast into the store, a record into a partition of its own after the other.
func (m *mover) load(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, m.config.FinalReads/4)
	defer cancel()
	value := make([]byte, ballastBytes)
	for n := range m.config.Ballast / ballastBytes {
		for i := range value {
			value[i] = byte(rand.Uint32()) // cards and wires do not press it together
		}
		key := fmt.Sprint("ballast-", n)
		if _, err := m.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: value}}}); err != nil {
			m.log.Info("ballast", "key", key, "error", err.Error())
		}
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
