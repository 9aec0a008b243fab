package state

import (
	"bytes"
	"context"
	"encoding/binary"

	"picloud/node/api"
	"picloud/node/codec"
)

// event notes what happened to a key in the revision that is being made.
func (v *view) event(kind api.EventKind, now *api.Record) error {
	var w codec.Writer
	if v.made += recordSize(now.Key, now.Value); v.made > api.MaxReplyBytes && !v.unbounded {
		return api.Errorf(api.TooLarge, doingTxn, "", "it changes more than %d bytes of keys and values", api.MaxReplyBytes)
	}
	if err := api.WriteEvent(&w, &api.Event{Kind: kind, Record: *now}); err != nil {
		return err
	}
	key := v.state.key(tableHistory, big(v.marker.Revision+1), big(v.events))
	v.events++
	return v.set(key, w)
}

// trim forgets the events of the revisions before one.
func (v *view) trim(before uint64) error {
	before = min(before, v.marker.Revision+1)
	if before <= v.marker.Oldest {
		return nil
	}
	from, to := v.state.key(tableHistory, big(v.marker.Oldest)), v.state.key(tableHistory, big(before))
	v.marker.Oldest = before
	return v.batch.DeleteRange(from, to, nil)
}

// HistoryBytes returns about how many bytes of the disk the history takes, without what has not come to the disk's tables yet.
func (s *State) HistoryBytes() (uint64, error) {
	s.replacing.RLock()
	defer s.replacing.RUnlock()
	_, oldest := s.Revision()
	return s.db.EstimateDiskUsage(s.key(tableHistory, big(oldest)), s.key(tableHistory+1))
}

// maxAnswer is about how many bytes of events one answer holds: a revision that does not fit behind others begins the next
// answer, and one that has more comes alone.
const maxAnswer = 1 << 20

// look says what is looked for in the history.
type look struct {
	from   uint64
	want   int                   // about how many events are looked at, and more only until one was found
	counts func(key string) bool // which keys' events are wanted
	keys   bool                  // and not what the records are
	over   <-chan struct{}       // closed when the time is over, which ends it behind some revision
}

// Events returns the events from a revision on, whole revisions, about as many as wanted, and the
// revision after the last of them. It refuses revisions that are no longer kept, with the kind Compacted,
// and those that are not next or earlier, with the kind Future.
func (s *State) Events(from uint64, want int) (events []api.Event, next uint64, err error) {
	return s.look(look{from: from, want: want, counts: func(string) bool { return true }})
}

// look returns events of whole revisions, and the revision to go on from.
func (s *State) look(l look) (found []api.Event, next uint64, err error) {
	const doing = "read the history"
	s.replacing.RLock()
	defer s.replacing.RUnlock()
	snapshot := s.db.NewSnapshot()
	defer snapshot.Close()
	m, err := s.readMarker(snapshot)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case l.from < m.Oldest:
		e := api.Errorf(api.Compacted, doing, "", "revision %d is no longer kept, the first is %d", l.from, m.Oldest)
		e.Revision = m.Oldest
		return nil, 0, e
	case l.from > m.Revision+1:
		return nil, 0, api.Errorf(api.Future, doing, "", "revision %d has not been reached, the last is %d", l.from, m.Revision)
	}
	v := &view{state: s, from: snapshot, marker: m}
	next = m.Revision + 1
	at, begin, size, seen := l.from, 0, 0, 0 // begin: where the events of the revision at begin
	err = v.each(s.key(tableHistory, big(l.from)), s.key(tableHistory+1), false, func(key, value []byte) (bool, error) {
		revision := binary.BigEndian.Uint64(key[len(s.prefix)+1:])
		if revision != at {
			if seen >= l.want && len(found) > 0 || seen > 0 && closed(l.over) {
				next = revision
				return false, nil
			}
			at, begin = revision, len(found)
		}
		seen++
		r := codec.NewReader(value)
		e := api.ReadEvent(r)
		if err := r.Done(); err != nil || !l.counts(e.Record.Key) {
			return true, err
		}
		e.Revision, e.Record.Value = revision, l.kept(e.Record.Value)
		size += recordSize(e.Record.Key, e.Record.Value)
		if size > maxAnswer && begin > 0 {
			found, next = found[:begin], at
			return false, nil
		}
		if size > api.MaxReplyBytes { // an unbounded transaction has made it
			e := api.Errorf(api.Compacted, doing, "", "revision %d is more than one answer holds", at)
			e.Revision = at + 1
			return false, e
		}
		found = append(found, e)
		return true, nil
	})
	return found, next, err
}

// kept returns of a value, which is only lent, what is wanted of it.
func (l *look) kept(value []byte) []byte {
	if l.keys {
		return nil
	}
	return bytes.Clone(value)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Follow returns which keys of some partitions have changed, from a revision on, as far as Watch would.
func (s *State) Follow(ctx context.Context, f *api.Follow, want int) (*api.Changes, error) {
	followed := make(map[string]bool, len(f.Partitions))
	for _, p := range f.Partitions {
		if !s.holds(p) {
			return nil, api.Errorf(api.WrongGroup, "follow", p, "group %d does not hold the partition", s.group)
		}
		followed[p] = true
	}
	last, _ := s.Revision()
	found := &api.Changes{Next: f.From}
	if found.Next == 0 {
		found.Next = last + 1
	}
	if found.Next > last+1 {
		return nil, api.Errorf(api.Future, "follow", "", "revision %d has not been reached, the last is %d", f.From, last)
	}
	if found.Current = found.Next > last; found.Current {
		return found, nil
	}
	events, next, err := s.look(look{from: found.Next, want: want, keys: true, over: ctx.Done(),
		counts: func(key string) bool { return followed[api.Partition(key)] }})
	if err != nil {
		return nil, err
	}
	size := 0
	for i := range events {
		key := events[i].Record.Key
		found.Changes = append(found.Changes, api.Change{Revision: events[i].Revision, Key: key})
		size += len(key)
	}
	found.Next = next
	if size > api.MaxChanged {
		return nil, api.Errorf(api.Compacted, "follow", "", "more has changed at once than one answer holds")
	}
	found.Current = found.Next > last
	return found, nil
}

// Watch returns the events of a watch that have happened, about as many as wanted, and where to go on: behind all that has
// happened, or where the answer was full or the context ended. It always gets further.
func (s *State) Watch(ctx context.Context, w *api.Watch, want int) (*api.Events, error) {
	found := &api.Events{Next: w.From}
	if partition := api.Partition(w.Key); !s.holds(partition) {
		return nil, api.Errorf(api.WrongGroup, "watch", w.Key, "group %d does not hold the partition %.80q", s.group, partition)
	}
	last, _ := s.Revision()
	if found.Next == 0 {
		found.Next = last + 1
	}
	if found.Next > last { // it may have happened where somebody else is ahead
		return found, nil
	}
	var err error
	found.Events, found.Next, err = s.look(look{from: found.Next, want: want, counts: w.Holds, over: ctx.Done()})
	if err != nil {
		return nil, err
	}
	return found, nil
}
