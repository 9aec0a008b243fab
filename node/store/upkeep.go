package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"picloud/node/api"
	"picloud/node/store/state"
	"picloud/node/wait"
)

// upkeepEvery is how often a leader looks what its groups need.
const upkeepEvery = time.Second

// upkeepLimit is how long one thing may take that a group needs.
const upkeepLimit = 5 * time.Second

// upkeep does for each group that this node leads what nobody asks for: it gives a new group its slots,
// writes the first shard map, lets the group's clock go on, and cuts its history.
func (s *Store) upkeep(ctx context.Context) {
	for ctx.Err() == nil {
		for _, g := range s.all() {
			if why := g.startsAnew(); why != "" {
				s.log.Error("the member starts anew", "group", g.config.Number, "why", why)
				if err := s.reopen(g); err != nil {
					panic(fmt.Sprintf("store: start a member anew: %v", err))
				}
				continue
			}
			if g.Leads() && g.ready.In(g.Term()) {
				if err := s.unlessDamaged(s.tend(ctx, g)); err != nil && ctx.Err() == nil {
					s.log.Info("upkeep", "group", g.config.Number, "error", err.Error())
				}
			}
		}
		wait.For(ctx, upkeepEvery)
	}
}

// idleTick is how often the group's clock is told the time when nothing but sessions waits for it.
const idleTick = time.Minute

// tend does what one group needs.
func (s *Store) tend(ctx context.Context, g *Group) error {
	ctx, cancel := context.WithTimeout(ctx, upkeepLimit)
	defer cancel()
	if !g.state.Owned() {
		shard := s.config.first(g.config.Number)
		if shard == nil {
			return nil
		}
		if _, err := g.Run(ctx, &state.Command{Kind: state.Own, Slots: shard.Slots}); err != nil {
			return err
		}
	}
	if g.config.Number == api.FirstGroup && s.config.First != nil { // the one who was to write it may have ended
		m, err := g.storedShards()
		if err == nil && m == nil {
			err = g.writeShards(ctx, s.config.First)
		}
		if err != nil {
			return err
		}
	}
	old := idleTick
	if g.state.Expires() {
		old = time.Millisecond
	}
	if err := g.tick(ctx, old); err != nil {
		return err
	}
	before, err := s.tooOld(g.state)
	if err != nil {
		return err
	}
	if before > 0 {
		if _, err := g.Run(ctx, &state.Command{Kind: state.Trim, Before: before}); err != nil {
			return err
		}
	}
	return g.expire(ctx)
}

// tooOld returns the revision before which a group's history is to be forgotten, 0 if all of it may stay. Cards have bytes, not revisions: in
// one of a blob or of many jobs there are hundreds of thousands.
func (s *Store) tooOld(g *state.State) (uint64, error) {
	last, oldest := g.Revision()
	if last > oldest+s.config.KeepRevisions*5/4 { // a new group's last is before its oldest
		return last + 1 - s.config.KeepRevisions, nil
	}
	if last <= oldest+s.config.KeepRevisions/100 {
		return 0, nil // what was forgotten counts until Pebble has taken it off the disk
	}
	bytes, err := g.HistoryBytes()
	if err != nil || bytes <= s.config.KeepBytes {
		return 0, err
	}
	return oldest + (last+1-oldest)/2, nil
}

// expire removes what is over and one tick has not removed, until nothing is left or the context ends.
func (g *Group) expire(ctx context.Context) error {
	for ctx.Err() == nil {
		over, err := g.state.Overdue()
		if err != nil || !over {
			return err
		}
		if _, err := g.Run(ctx, &state.Command{Kind: state.Tick}); err != nil {
			return err
		}
	}
	return nil
}

// clock is how far a leader has told its group the time.
type clock struct {
	turn chan struct{} // has room for one, who may tell it
	term uint64        // in which it leads
	told time.Time
}

// tick tells the group the time, if what it was told last was this old when the caller came: a commit may take longer than that, and one tick
// that begins meanwhile is fresh enough for all who wait. Time that passes between two leaders is not told: records then live longer.
func (g *Group) tick(ctx context.Context, old time.Duration) error {
	came := time.Now()
	c := &g.clock
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return api.Errorf(api.Unavailable, "tell the time", g.name(), "to tell it to others takes too long")
	}
	if term := g.Term(); c.term != term {
		c.term, c.told = term, time.Now()
	}
	if came.Sub(c.told) < old {
		return nil
	}
	elapsed := time.Since(c.told).Truncate(time.Millisecond)
	_, err := g.Run(ctx, &state.Command{Kind: state.Tick, Elapsed: uint64(elapsed.Milliseconds())})
	if err == nil || api.KindOf(err) == api.Unknown { // told twice, time would end records early
		c.told = c.told.Add(elapsed)
	}
	return err
}

// writeShards writes the map with which the cloud begins, if there is none.
func (g *Group) writeShards(ctx context.Context, m *api.ShardMap) error {
	value, err := m.Encode()
	if err != nil {
		return err
	}
	session, err := g.Run(ctx, &state.Command{Kind: state.OpenSession})
	if err != nil {
		return err
	}
	outcome, err := g.Run(ctx, &state.Command{Kind: state.RunTxn, Request: api.Request{Session: session.Session, Sequence: 1, Txn: api.Txn{
		If:   []api.Compare{{Key: api.ShardsKey, What: api.Version, Is: "=", Number: 0}},
		Then: []api.Op{{Kind: api.Put, Key: api.ShardsKey, Value: value}},
	}}})
	if err == nil && outcome.Err != nil {
		err = outcome.Err
	}
	return err
}

// scrub reads the whole disk now and then. A node that finds damage ends: it must not serve or vote from
// what is not what it wrote.
func (s *Store) scrub(ctx context.Context) {
	for wait.For(ctx, s.config.ScrubEvery) {
		s.rested(ctx)
		err := s.db.Scrub(ctx)
		for _, g := range s.all() {
			err = errors.Join(err, g.state.Scrub(ctx))
		}
		switch {
		case err == nil || ctx.Err() != nil:
		case isDamage(err):
			s.damaged(err)
		default:
			panic(fmt.Sprintf("store: %v", err)) // a disk that cannot be read
		}
	}
}
