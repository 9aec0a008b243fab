package client

import (
	"context"
	"sync"
	"time"

	"picloud/node/api"
)

// session is a client's session in a group: it numbers requests, so that one that is sent again takes
// effect once.
type session struct {
	opening chan struct{} // has room for the one who opens it

	mu      sync.Mutex
	number  uint64 // 0 if there is none
	last    uint64 // sequence of the last request
	pending map[uint64]bool
}

func newSession() session { return session{opening: make(chan struct{}, 1)} }

// next gives a request its place in the session.
func (s *session) next() (number, sequence uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.pending[s.last] = true
	return s.number, s.last
}

// answered returns up to which request no reply is needed.
func (s *session) answered(number uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.number != number {
		return 0
	}
	least := s.last + 1
	for sequence := range s.pending {
		least = min(least, sequence)
	}
	return least - 1
}

// done says that a request needs no reply any more.
func (s *session) done(number, sequence uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.number == number {
		delete(s.pending, sequence)
	}
}

func (s *session) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number > 0
}

// begin puts a new session in the place of one that is over, or of none.
func (s *session) begin(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number, s.last, s.pending = number, 0, map[uint64]bool{}
}

// end says that a session is over.
func (s *session) end(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.number == number {
		s.number = 0
	}
}

// Txn runs a transaction; see api.Store.
func (c *Client) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if t.ReadOnly() {
		p, err := c.read(ctx, t, false)
		if err != nil {
			return nil, err
		}
		return &p.Reply, nil
	}
	for tries := 0; ; tries++ {
		g, err := c.of(ctx, t.Partition())
		if err == nil {
			err = c.openSession(ctx, g)
		}
		if err == nil {
			var reply *api.Reply
			var doubt bool
			if reply, doubt, err = c.write(ctx, g, t); err == nil {
				return reply, nil
			}
			if doubt {
				return nil, api.Errorf(api.Unknown, "run a transaction", "", "it may have taken effect: %s", err)
			}
		}
		kind := api.KindOf(err)
		if kind == api.WrongGroup || kind == api.NotFound {
			c.forgetShards()
		}
		retry, _ := g.again(err)
		if !retry && kind != api.WrongGroup && kind != api.SessionExpired {
			return nil, err
		}
		if !pause(ctx, tries) {
			return nil, g.inTheEnd(err)
		}
	}
}

// write sends a request of the group's session until it is answered. An error with doubt means that the
// transaction may have taken effect, or may still do so.
func (c *Client) write(ctx context.Context, g *group, t *api.Txn) (_ *api.Reply, doubt bool, _ error) {
	number, sequence := g.session.next()
	defer g.session.done(number, sequence)
	for tries := 0; ; tries++ {
		q := api.Request{Session: number, Sequence: sequence, Answered: g.session.answered(number), Txn: *t}
		request, err := q.Encode()
		if err != nil {
			return nil, false, err
		}
		node := g.ask(false)
		answer, err := c.attempt(ctx, node, api.MethodTxn, (&api.TxnCall{Group: g.number, Request: request}).Encode())
		g.heard(node, err)
		if err == nil {
			reply, err := api.DecodeReply(answer)
			return reply, err != nil, err
		}
		retry, mayBe := g.again(err)
		doubt = doubt || mayBe || api.KindOf(err) == api.Replayed
		if api.KindOf(err) == api.SessionExpired {
			g.session.end(number)
		}
		if !retry {
			return nil, doubt, err
		}
		if api.KindOf(err) == api.NotFound || tries%8 == 7 {
			c.Shards(ctx) // others may be the members now
		}
		if hint(err) != "" && tries < 3 {
			continue
		}
		if !pause(ctx, tries) {
			return nil, doubt, g.inTheEnd(err)
		}
	}
}

// openSession begins a session in a group that has none.
func (c *Client) openSession(ctx context.Context, g *group) error {
	select {
	case g.session.opening <- struct{}{}:
	case <-ctx.Done():
		return api.Errorf(api.Unavailable, "open a session", "", "%s", ctx.Err())
	}
	defer func() { <-g.session.opening }()
	if g.session.isOpen() {
		return nil
	}
	node := g.ask(false)
	answer, err := c.attempt(ctx, node, api.MethodSession, api.Numbers{uint64(g.number)}.Encode())
	g.heard(node, err)
	if err != nil {
		if api.KindOf(err) == api.Unknown { // a session that nobody uses expires
			return api.Errorf(api.Unavailable, "open a session", "", "%s", err)
		}
		return err
	}
	n, err := api.DecodeNumbers(answer)
	if err != nil || len(n) != 1 {
		return api.Errorf(api.Internal, "open a session", "", "the answer of %s makes no sense: %v", node, err)
	}
	g.session.begin(n[0])
	return nil
}

// ReadStale runs a transaction that reads on some replica; see api.Store.
func (c *Client) ReadStale(ctx context.Context, t *api.Txn) (*api.StaleReply, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return c.read(ctx, t, true)
}

func (c *Client) read(ctx context.Context, t *api.Txn, stale bool) (*api.StaleReply, error) {
	var bad error
	answer, err := c.call(ctx, question{t.Partition(), api.MethodRead, stale, c.config.Attempt, func(group uint32) []byte {
		body, err := (&api.ReadCall{Group: group, Stale: stale, Txn: *t}).Encode()
		bad = err
		return body
	}})
	if bad != nil {
		return nil, bad
	}
	if err != nil {
		return nil, api.ReadError(err)
	}
	return api.DecodeStaleReply(answer)
}

// Events returns the events of a watch; see api.Store.
func (c *Client) Events(ctx context.Context, w *api.Watch) (*api.Events, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	found := &api.Events{Next: w.From}
	for {
		limit := pollFor
		if found.Next == 0 { // the answer is where that is
			limit = c.config.Attempt
		}
		answer, err := c.call(ctx, question{api.Partition(w.Key), api.MethodEvents, found.Next > 0, limit, func(group uint32) []byte {
			return (&api.EventsCall{Group: group, Watch: api.Watch{Key: w.Key, End: w.End, From: found.Next}}).Encode()
		}})
		if err == nil {
			if found, err = api.DecodeEvents(answer); err != nil || len(found.Events) > 0 {
				return found, err
			}
		}
		switch {
		case ctx.Err() != nil && found.Next > 0:
			return found, nil
		case err != nil:
			return nil, api.ReadError(err)
		}
	}
}

// GroupOf returns the group that holds a partition; see api.Feed.
func (c *Client) GroupOf(ctx context.Context, partition string) (uint32, error) {
	g, err := c.of(ctx, partition)
	if err != nil {
		return 0, err
	}
	return g.number, nil
}

// Follow returns which keys of some partitions have changed; see api.Feed.
func (c *Client) Follow(ctx context.Context, f *api.Follow) (*api.Changes, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	var asked time.Time
	answer, err := c.call(ctx, question{f.Partitions[0], api.MethodFollow, false, c.config.Attempt + f.Wait, func(group uint32) []byte {
		asked = time.Now()
		return (&api.FollowCall{Group: group, Follow: *f}).Encode()
	}})
	if err != nil {
		return nil, api.ReadError(err)
	}
	found, err := api.DecodeChanges(answer)
	if err != nil {
		return nil, api.Errorf(api.Internal, "follow", "", "the answer makes no sense: %s", err)
	}
	found.Asked = asked
	return found, nil
}
