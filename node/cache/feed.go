package cache

import (
	"cmp"
	"context"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/wait"
)

// feed is a group whose changes are followed.
//
// What it says of an entry: the store answers a call from what its leader has applied, after a majority has confirmed,
// asked after the call was sent, that nobody has taken the leader's place. So at some instant after the call was sent the
// state had the revision before next. An entry that is not old was read at a revision R, and no change of its item in a
// revision between R and next is known; if R is next or later, it was read after that instant. Either way it was current
// at some instant after the call was sent.
type feed struct {
	group      uint32
	partitions map[string]*partition
	next       uint64    // all changes of the partitions below are known
	current    time.Time // when the last call was sent whose answer had all that there was
	again      func()    // ends the call that is under way, as it does not name all partitions
}

// partition is one that is followed, or will be soon.
type partition struct {
	name     string
	feed     *feed         // nil until its group is known
	followed bool          // each change from the feed's next on will be known
	ready    chan struct{} // closed when it is followed, or cannot be
	asked    time.Time     // when somebody asked for an item of it
}

// partition returns what is known of an item's partition, and begins to follow it; nil if there are too many. The lock is
// held.
func (s *Server) partition(name string, now time.Time) *partition {
	p := s.partitions[name]
	if p == nil {
		if len(s.partitions) >= mostPartitions || s.ctx.Err() != nil {
			return nil
		}
		p = &partition{name: name, ready: make(chan struct{})}
		s.partitions[name] = p
		s.all.Go(func() { s.place(p) })
	}
	p.asked = now
	return p
}

// place puts a partition into the feed of its group.
func (s *Server) place(p *partition) {
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	group, err := s.source.GroupOf(ctx, p.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.metrics.failed(err)
		s.unfollow(p)
		return
	}
	f := s.feeds[group]
	if f == nil {
		f = &feed{group: group, partitions: map[string]*partition{}}
		s.feeds[group] = f
		if s.ctx.Err() == nil {
			s.all.Go(func() { s.follow(f) })
		}
	}
	p.feed, f.partitions[p.name] = f, p
	if f.again != nil {
		f.again()
	}
}

// unfollow takes a partition from what is followed. The lock is held.
func (s *Server) unfollow(p *partition) {
	if s.partitions[p.name] == p {
		delete(s.partitions, p.name)
	}
	if p.feed != nil {
		delete(p.feed.partitions, p.name)
	}
	if !p.followed {
		close(p.ready)
	}
	p.followed = false
}

// follow follows a group until nobody asks for its partitions, or the server ends.
func (s *Server) follow(f *feed) {
	failing := false
	for s.ctx.Err() == nil {
		began := time.Now()
		call := s.nextCall(f, began)
		if call == nil {
			return
		}
		err := s.poll(f, call)
		switch kind := api.KindOf(err); {
		case err == nil:
			failing = false
		case s.ctx.Err() != nil:
			return
		case kind == api.Compacted || kind == api.Future || kind == api.WrongGroup:
			s.log.Warn("a group is followed anew, and what was kept of it is forgotten", "group", f.group, "error", err)
			s.restart(f)
			return
		case err != errAgain:
			s.metrics.failed(err)
			if !failing {
				s.log.Warn("a group cannot be followed for now", "group", f.group, "error", err)
			}
			failing = true
		}
		wait.For(s.ctx, pace-time.Since(began))
	}
}

// nextCall returns how a group is asked for changes, nil if nobody has asked for anything in it for long.
func (s *Server) nextCall(f *feed, now time.Time) *api.Follow {
	s.changes.Lock()
	defer s.changes.Unlock()
	s.mu.Lock()
	call := &api.Follow{From: f.next, Wait: s.config.pollFor()}
	idle := map[*partition]bool{}
	for name, p := range f.partitions {
		if now.Sub(p.asked) > idleFor {
			idle[p] = true
		} else {
			call.Partitions = append(call.Partitions, name)
		}
	}
	var gone []*entry
	if len(idle) > 0 {
		gone = s.memory.forget(func(p *partition) bool { return idle[p] })
		for p := range idle {
			s.unfollow(p)
		}
	}
	if len(call.Partitions) == 0 {
		delete(s.feeds, f.group)
		call = nil
	} else {
		slices.Sort(call.Partitions)
	}
	s.mu.Unlock()
	s.memory.release(gone)
	return call
}

// errAgain says that a call was ended to be made with more partitions.
var errAgain = api.Errorf(api.Unavailable, "follow", "", "there are more partitions")

// poll asks once for changes.
func (s *Server) poll(f *feed, call *api.Follow) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.config.Bound)
	defer cancel()
	more := make(chan struct{})
	s.mu.Lock()
	f.again = func() { f.again = nil; close(more); cancel() }
	if len(f.partitions) > len(call.Partitions) { // one has come since the call was made
		f.again()
	}
	s.mu.Unlock()
	found, err := s.source.Follow(ctx, call)
	s.mu.Lock()
	f.again = nil
	s.mu.Unlock()
	select {
	case <-more:
		if err != nil {
			return errAgain
		}
	default:
	}
	if err == nil {
		s.heard(f, call, found)
	}
	return err
}

// heard notes what an answer says.
func (s *Server) heard(f *feed, call *api.Follow, found *api.Changes) {
	s.changes.Lock()
	defer s.changes.Unlock()
	s.mu.Lock()
	var old []*entry
	for _, ch := range found.Changes {
		old = append(old, s.memory.changed(ch)...)
	}
	f.next = found.Next
	if found.Current {
		f.current = found.Asked
	}
	for _, name := range call.Partitions {
		if p := f.partitions[name]; p != nil && !p.followed {
			p.followed = true
			close(p.ready)
		}
	}
	s.mu.Unlock()
	s.memory.release(old)
	s.metrics.heard(len(found.Changes), len(old))
}

// restart forgets a group with all that is kept of it. The next who asks for one of its partitions begins anew.
func (s *Server) restart(f *feed) {
	s.changes.Lock()
	defer s.changes.Unlock()
	s.mu.Lock()
	gone := s.memory.forget(func(p *partition) bool { return p.feed == f })
	for _, p := range sortedPartitions(f) {
		s.unfollow(p)
	}
	delete(s.feeds, f.group)
	s.mu.Unlock()
	s.memory.release(gone)
	s.metrics.restarts.Inc()
}

func sortedPartitions(f *feed) []*partition {
	all := make([]*partition, 0, len(f.partitions))
	for _, p := range f.partitions {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *partition) int { return cmp.Compare(a.name, b.name) })
	return all
}
