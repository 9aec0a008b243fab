package health

import (
	"context"
	"fmt"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// How often a node looks whether members of the groups that it leads want replacing, how long a spare may take to learn a group, and how long
// one that could not is passed over.
const (
	replaceEvery = 5 * time.Second
	learning     = 5 * time.Minute
	unfitFor     = time.Minute
)

// replace gives the places of fenced nodes in groups that this node leads to others: a spare joins, and then the fenced one leaves. Only a
// group's leader does it, so that nobody else does the same; and nobody is taken away by it, so that it needs no budget. Who is to join stands
// in the store, so that the next leader ends what the last one has begun: if it took another spare the group would grow.
func (e *Engine) replace(ctx context.Context) {
	if !slices.Contains(e.kit.Spares, e.me) {
		return // it has no store, and so leads nothing
	}
	v, err := read(ctx, e.kit.Store, e.me)
	if err == nil && !v.fenced() {
		e.forget(true, nil)
	}
	if err != nil || !v.fenced() {
		return
	}
	groups, err := e.groups(ctx)
	if err != nil {
		return
	}
	wished := map[matter]bool{}
	for i := range groups {
		g := &groups[i]
		for _, node := range g.Voters {
			if g.Leader != e.me || v.out[node] != Fence || node == e.me {
				continue
			}
			s := swap{group: g.Number, out: node, begun: v.swaps[swapRow(node, g.Number)]}
			s.plan(g, groups, v, e.fit())
			m := matter{Replace, fmt.Sprintf("%s in group %d", node, g.Number)}
			wished[m] = true
			if s.in == "" {
				e.refuse(ctx, m, fmt.Errorf("replace %s in group %d: there is no spare", node, g.Number))
				continue
			}
			if e.config.Mode != On {
				e.refuse(ctx, m, fmt.Errorf("%s would take the place of %s in group %d", s.in, node, g.Number))
				continue
			}
			entry := Entry{Action: Replace, Subject: node, To: fmt.Sprintf("group %d: %s", g.Number, s.in), Rule: "fenced"}
			err := e.act(ctx, entry, func() error { return e.swap(ctx, &s) })
			e.refuse(ctx, m, err)
			if api.KindOf(err) == api.Internal { // it cannot, for want of space perhaps; another one may
				e.unfit[s.in] = time.Now()
			} else if err != nil {
				wait.For(ctx, again)
			}
			return // groups are otherwise now
		}
	}
	e.forget(true, wished)
}

// swap is that one node takes the place of another in a group.
type swap struct {
	group   uint32
	out, in string
	joined  bool        // in is a member already
	begun   *api.Record // the row of the swap; nil if it was not begun
}

// fit returns the spares but for those that could not join a group a while ago.
func (e *Engine) fit() []string {
	return slices.DeleteFunc(slices.Clone(e.kit.Spares), func(node string) bool {
		since, is := e.unfit[node]
		return is && time.Since(since) < unfitFor
	})
}

// plan says who takes the place: who was to before, unless that is gone, or could not, before it has joined.
func (s *swap) plan(g *Group, groups []Group, v *view, spares []string) {
	if s.begun != nil {
		s.in = string(s.begun.Value)
		if s.joined = slices.Contains(g.Voters, s.in); s.joined {
			return
		}
		if s.in = spareFor(g, groups, v, []string{s.in}); slices.Contains(spares, s.in) {
			return
		}
	}
	s.in = spareFor(g, groups, v, spares)
}

// swap makes one node a member of a group and ends the membership of another.
func (e *Engine) swap(ctx context.Context, s *swap) error {
	ctx, cancel := context.WithTimeout(ctx, learning)
	defer cancel()
	remove := func(node string) error {
		if _, err := e.kit.Members(ctx, api.MembersCall{Group: s.group, Remove: node}); err != nil {
			return fmt.Errorf("health: remove %s from group %d: %w", node, s.group, err)
		}
		return nil
	}
	row := swapRow(s.out, s.group)
	if s.begun != nil && string(s.begun.Value) != s.in { // it may learn still
		if err := remove(string(s.begun.Value)); err != nil {
			return err
		}
	}
	if !s.joined {
		t := &api.Txn{If: []api.Compare{api.Unchanged(row, s.begun)}, Then: []api.Op{{Kind: api.Put, Key: row, Value: []byte(s.in)}}}
		if err := e.run(ctx, t); err != nil {
			return err
		}
		if _, err := e.kit.Members(ctx, api.MembersCall{Group: s.group, Add: s.in}); err != nil {
			return fmt.Errorf("health: add %s to group %d: %w", s.in, s.group, err)
		}
	}
	if err := remove(s.out); err != nil {
		return err
	}
	if err := e.run(ctx, &api.Txn{Then: []api.Op{{Kind: api.Delete, Key: row}}}); err != nil {
		e.kit.Log.WarnContext(ctx, "a node was replaced, which the store does not know yet", "node", s.out, "group", s.group, "error", err.Error())
	}
	return nil
}

// run runs a transaction whose conditions should hold.
func (e *Engine) run(ctx context.Context, t *api.Txn) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	reply, err := e.kit.Store.Txn(ctx, t)
	if err == nil && !reply.Succeeded {
		err = api.Errorf(api.ConditionFailed, "replace", "a member", "something has changed meanwhile")
	}
	return err
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
