package health

import (
	"context"
	"fmt"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// How often a node looks whether members of the groups that it leads want replacing, and how long a spare may take to learn a group.
const (
	replaceEvery = 5 * time.Second
	learning     = 5 * time.Minute
)

// replace gives the places of fenced nodes in groups that this node leads to others: a spare joins, and then the fenced one leaves. Only a
// group's leader does it, so that nobody else does the same; and nobody is taken away by it, so that it needs no budget.
func (e *Engine) replace(ctx context.Context) {
	if !slices.Contains(e.kit.Spares, e.me) {
		return // it has no store, and so leads nothing
	}
	v, err := read(ctx, e.kit.Store, e.me)
	if err != nil || !v.fenced() {
		return
	}
	groups, err := e.groups(ctx)
	if err != nil {
		return
	}
	for i := range groups {
		g := &groups[i]
		for _, node := range g.Voters {
			if g.Leader != e.me || v.out[node] != Fence || node == e.me {
				continue
			}
			spare := spareFor(g, groups, v, e.kit.Spares)
			if spare == "" {
				e.refuse(ctx, matter{Replace, node}, fmt.Errorf("replace %s in group %d: there is no spare", node, g.Number))
				continue
			}
			if e.config.Mode != On {
				e.refuse(ctx, matter{Replace, node}, fmt.Errorf("%s would take the place of %s in group %d", spare, node, g.Number))
				continue
			}
			entry := Entry{Action: Replace, Subject: node, To: fmt.Sprintf("group %d: %s", g.Number, spare), Rule: "fenced"}
			err := e.act(ctx, entry, func() error { return e.swap(ctx, g.Number, node, spare) })
			if e.refuse(ctx, matter{Replace, node}, err); err != nil {
				wait.For(ctx, again)
			}
			return // groups are otherwise now
		}
	}
}

// swap makes one node a member of a group and ends the membership of another.
func (e *Engine) swap(ctx context.Context, group uint32, out, in string) error {
	ctx, cancel := context.WithTimeout(ctx, learning)
	defer cancel()
	if _, err := e.kit.Members(ctx, api.MembersCall{Group: group, Add: in}); err != nil {
		return fmt.Errorf("health: add %s to group %d: %w", in, group, err)
	}
	if _, err := e.kit.Members(ctx, api.MembersCall{Group: group, Remove: out}); err != nil {
		return fmt.Errorf("health: remove %s from group %d: %w", out, group, err)
	}
	return nil
}

// spareFor returns the node that is to join a group: one that is there and in service, and a member of as few groups as any such; empty if there is none.
func spareFor(g *Group, groups []Group, v *view, spares []string) string {
	best, least := "", 0
	for _, node := range slices.Sorted(slices.Values(spares)) {
		if _, out := v.out[node]; out || !slices.Contains(v.alive, node) || slices.Contains(g.Voters, node) {
			continue
		}
		n := 0
		for i := range groups {
			if slices.Contains(groups[i].Voters, node) {
				n++
			}
		}
		if best == "" || n < least {
			best, least = node, n
		}
	}
	return best
}

// fenced tells whether any node is.
func (v *view) fenced() bool {
	for _, why := range v.out {
		if why == Fence {
			return true
		}
	}
	return false
}
