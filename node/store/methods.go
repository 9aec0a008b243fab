package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
	"picloud/node/rpc"
	"picloud/node/store/state"
)

// maxEvents is about how many events one call returns.
const maxEvents = 1000

// methods returns what the node serves to clients and other nodes.
func (s *Store) methods() map[string]rpc.Handler {
	methods := map[string]rpc.Handler{
		api.MethodSession: s.openSession,
		api.MethodTxn:     s.txn,
		api.MethodRead:    s.read,
		api.MethodEvents:  s.events,
		api.MethodFollow:  s.follow,
		api.MethodShards:  s.shards,
		api.MethodTerms:   s.terms,
		api.MethodApplied: s.applied,
		api.MethodHowFar:  s.howFar,
		api.MethodOffer:   s.offer,
		api.MethodMembers: s.members,
		api.MethodHost:    s.hostCall,
	}
	for name, handler := range methods {
		methods[name] = s.counted(name, handler)
	}
	return methods
}

// reads are the methods that change nothing.
func reads() map[string]bool {
	return map[string]bool{api.MethodRead: true, api.MethodEvents: true, api.MethodFollow: true, api.MethodShards: true,
		api.MethodTerms: true, api.MethodApplied: true, api.MethodHowFar: true, api.MethodOffer: true}
}

// counted returns a handler whose calls are counted.
func (s *Store) counted(method string, handler rpc.Handler) rpc.Handler {
	m := &s.metrics
	return func(ctx context.Context, body []byte) ([]byte, error) {
		began := time.Now()
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		answer, err := handler(ctx, body)
		m.seconds.WithLabelValues(method).Observe(time.Since(began).Seconds())
		m.requests.WithLabelValues(method, outcome(err)).Inc()
		return answer, err
	}
}

// malformed says that a body is not what a client of ours sends.
func malformed(method string, err error) error {
	return api.Errorf(api.BadRequest, "call", method, "%s", err)
}

// serving returns a group that clients may use: it was given its slots.
func (s *Store) serving(number uint32) (*Group, error) {
	g, err := s.group(number)
	if err != nil {
		return nil, err
	}
	if !g.state.Owned() {
		return nil, api.Errorf(api.Unavailable, "use", g.name(), "it has not begun")
	}
	return g, nil
}

func (s *Store) openSession(ctx context.Context, body []byte) ([]byte, error) {
	groups, err := groupsIn(body)
	if err != nil || len(groups) != 1 {
		return nil, malformed(api.MethodSession, errors.Join(err, errors.New("a session is opened in one group")))
	}
	g, err := s.serving(groups[0])
	if err != nil {
		return nil, err
	}
	outcome, err := g.Run(ctx, &state.Command{Kind: state.OpenSession})
	return api.Numbers{outcome.Session}.Encode(), err
}

func (s *Store) txn(ctx context.Context, body []byte) ([]byte, error) {
	call, err := api.DecodeTxnCall(body)
	if err != nil {
		return nil, malformed(api.MethodTxn, err)
	}
	q, err := api.DecodeRequest(call.Request)
	if err != nil {
		return nil, malformed(api.MethodTxn, err)
	}
	if err := q.Txn.Validate(); err != nil {
		return nil, err
	}
	g, err := s.serving(call.Group)
	if err != nil {
		return nil, err
	}
	if expires(&q.Txn) { // its time is counted from when the group was told the time
		if err := g.tick(ctx, freshClock); err != nil {
			return nil, err
		}
	}
	outcome, err := g.run(ctx, state.Run(call.Request))
	switch {
	case err != nil:
		return nil, err
	case outcome.Err != nil:
		return nil, outcome.Err
	}
	return outcome.Reply.Encode(), nil
}

// freshClock is how old the group's time may be when a record begins to live for a time.
const freshClock = 100 * time.Millisecond

// expires tells whether a transaction may write a record that lives for a time.
func expires(t *api.Txn) bool {
	limited := func(o api.Op) bool { return o.TTL > 0 }
	return slices.ContainsFunc(t.Then, limited) || slices.ContainsFunc(t.Else, limited)
}

func (s *Store) read(ctx context.Context, body []byte) ([]byte, error) {
	call, err := api.DecodeReadCall(body)
	if err != nil {
		return nil, malformed(api.MethodRead, err)
	}
	if err := call.Txn.Validate(); err != nil {
		return nil, err
	}
	g, err := s.serving(call.Group)
	if err != nil {
		return nil, err
	}
	p := &api.StaleReply{}
	if call.Stale {
		p, err = g.ReadStale(&call.Txn)
	} else {
		var reply *api.Reply
		if reply, err = g.Read(ctx, s.confirmer, &call.Txn); err == nil {
			p.Reply = *reply
		}
	}
	if err != nil {
		return nil, s.readError(err)
	}
	return p.Encode(), nil
}

// readError tells damage from what else may stand against a read. A node that finds damage ends, to be
// repaired; its caller asks another.
func (s *Store) readError(err error) error {
	if isDamage(err) {
		go s.damaged(err)
		return api.Errorf(api.Unavailable, "read", "", "this copy is damaged")
	}
	return err
}

// events waits for events of a group. Any member answers, from what it has applied: what was acknowledged
// is there as soon as it is applied here, and nothing is left out. Who watches from now on is told at once where that is: asked again,
// after a stream that broke, it would be later.
func (s *Store) events(ctx context.Context, body []byte) ([]byte, error) {
	call, err := api.DecodeEventsCall(body)
	if err != nil {
		return nil, malformed(api.MethodEvents, err)
	}
	w := &call.Watch
	if err := w.Validate(); err != nil {
		return nil, err
	}
	g, err := s.serving(call.Group)
	if err != nil {
		return nil, err
	}
	patience, cancel := earlier(ctx)
	defer cancel()
	fromNow := w.From == 0
	if fromNow { // only the leader knows what is over
		if err := g.confirmed(ctx, s.confirmer, "watch"); err != nil {
			return nil, err
		}
	}
	if mutant.Planted == mutant.WatchGap {
		w.From = max(w.From, g.watchedFrom())
	}
	for {
		changed := g.state.Changed()
		found, err := g.state.Watch(patience, w, maxEvents)
		if err != nil {
			return nil, s.readError(err)
		}
		w.From = found.Next
		if len(found.Events) > 0 || fromNow {
			return found.Encode()
		}
		if !g.inTouch() {
			return nil, api.Errorf(api.Unavailable, "watch", g.name(), "%s has not heard from the group's leader", s.config.Node)
		}
		select {
		case <-changed:
		case <-time.After(s.config.Patience):
		case <-patience.Done():
			return found.Encode()
		}
	}
}

// follow says which keys have changed. Only the leader answers, and only after a majority has said, asked after the call
// came, that it still leads: so what was acknowledged before the call is in the answer, or below where it ends. What
// comes while it waits for the first change has been applied, and so agreed to, whoever leads by then.
func (s *Store) follow(ctx context.Context, body []byte) ([]byte, error) {
	call, err := api.DecodeFollowCall(body)
	if err != nil {
		return nil, malformed(api.MethodFollow, err)
	}
	f := &call.Follow
	if err := f.Validate(); err != nil {
		return nil, err
	}
	g, err := s.serving(call.Group)
	if err != nil {
		return nil, err
	}
	if err := g.confirmed(ctx, s.confirmer, "follow"); err != nil {
		return nil, err
	}
	looking, end := earlier(ctx)
	defer end()
	patience, cancel := context.WithTimeout(ctx, f.Wait)
	defer cancel()
	fromNow := f.From == 0
	for {
		changed := g.state.Changed()
		found, err := g.state.Follow(looking, f, maxEvents)
		if err != nil {
			return nil, s.readError(err)
		}
		if len(found.Changes) > 0 || fromNow || looking.Err() != nil {
			return found.Encode(), nil
		}
		f.From = found.Next
		select {
		case <-changed:
		case <-patience.Done():
			return found.Encode(), nil
		}
	}
}

// earlier returns a context that ends while its caller still waits for an answer.
func earlier(ctx context.Context) (context.Context, context.CancelFunc) {
	end, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-time.Until(end)/4))
}

// shards returns the shard map as this node has it, with the members that it knows of.
func (s *Store) shards(context.Context, []byte) ([]byte, error) {
	m := s.config.First
	if g, err := s.serving(api.FirstGroup); err == nil {
		if m, err = g.storedShards(); err != nil {
			return nil, s.readError(err)
		}
	}
	if m == nil {
		return nil, api.Errorf(api.Unavailable, "read", api.ShardsKey, "%s does not have it", s.config.Node)
	}
	known := *m
	known.Shards = append([]api.Shard{}, m.Shards...)
	for i := range known.Shards {
		if g, err := s.group(known.Shards[i].Group); err == nil {
			if members, err := g.members(); err == nil && len(members.Voters) > 0 {
				known.Shards[i].Members = members.Voters
				known.Shards[i].FirstHand = true
			}
		}
	}
	return known.Encode()
}

// storedShards returns the shard map as it stands in this member's state, nil if it does not yet.
func (g *Group) storedShards() (*api.ShardMap, error) {
	reply, err := g.state.Read(&api.Txn{Then: []api.Op{{Kind: api.Get, Key: api.ShardsKey}}})
	if err != nil || len(reply.Results[0].Records) == 0 {
		return nil, err
	}
	return api.DecodeShardMap(reply.Results[0].Records[0].Value)
}

// terms returns the present terms of some groups, 0 for one that the node has no member of.
func (s *Store) terms(_ context.Context, body []byte) ([]byte, error) {
	return s.ofEach(body, (*Group).Term)
}

// applied returns the index of the last entry that the node has and has applied, of some groups.
func (s *Store) applied(_ context.Context, body []byte) ([]byte, error) {
	return s.ofEach(body, (*Group).applied)
}

// offer is applied, and a refusal by a node that is to lead nothing.
func (s *Store) offer(ctx context.Context, body []byte) ([]byte, error) {
	if s.spare.follows.Load() {
		return nil, api.Errorf(api.ConditionFailed, "offer the lead to", s.config.Node, "it is to lead nothing")
	}
	return s.applied(ctx, body)
}

// ofEach returns a number of each of some groups, 0 for one that the node has no member of.
func (s *Store) ofEach(body []byte, number func(*Group) uint64) ([]byte, error) {
	groups, err := groupsIn(body)
	if err != nil {
		return nil, malformed("of groups", err)
	}
	answer := make(api.Numbers, len(groups))
	for i, group := range groups {
		if g, err := s.group(group); err == nil {
			answer[i] = number(g)
		}
	}
	return answer.Encode(), nil
}

// groupsIn reads a list of groups.
func groupsIn(body []byte) ([]uint32, error) {
	numbers, err := api.DecodeNumbers(body)
	groups := make([]uint32, len(numbers))
	for i, n := range numbers {
		if groups[i] = uint32(n); uint64(groups[i]) != n {
			err = errors.Join(err, fmt.Errorf("%d is no group", n))
		}
	}
	return groups, err
}

// askEach asks another node for a number of each of some groups.
func (s *Store) askEach(ctx context.Context, node, method string, groups []uint32) ([]uint64, error) {
	n, bad, err := api.AskOfEach(groups, func(question []byte) ([]byte, error) {
		return s.peers.Call(ctx, node, method, question)
	})
	if bad {
		err = malformed(method, err)
	}
	return n, err
}

// askTerms is the confirmer's way to ask another node.
func (s *Store) askTerms(ctx context.Context, node string, groups []uint32) ([]uint64, error) {
	return s.askEach(ctx, node, api.MethodTerms, groups)
}

// decode reads a call that is JSON.
func decode(method string, body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return malformed(method, err)
	}
	return nil
}
